//! What to measure, how large and how often.

/// What the command line asks for.
#[derive(Debug)]
pub struct Scale {
    chosen: Vec<String>,
    rows: Option<u64>,
    /// Repetitions of each side.
    pub times: usize,
}

impl Scale {
    /// Reads `[FIGURE]... [--rows N] [--times N]`.
    ///
    /// # Errors
    /// If it is anything else, with what to write.
    pub fn read(arguments: &[String], figures: &[&str]) -> Result<Self, String> {
        let mut scale = Self { chosen: Vec::new(), rows: None, times: 3 };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--rows" => scale.rows = Some(number(argument, arguments.next())?),
                "--times" => {
                    scale.times = usize::try_from(number(argument, arguments.next())?).unwrap_or(usize::MAX);
                }
                figure if figures.contains(&figure) => scale.chosen.push(argument.clone()),
                other => return Err(format!("`{other}` is none of {}, --rows, --times", figures.join(", "))),
            }
        }
        Ok(scale)
    }

    /// True if a figure is asked for by name, or by asking for none.
    pub fn has(&self, figure: &str) -> bool {
        self.chosen.is_empty() || self.names(figure)
    }

    /// True if a figure is asked for by name.
    pub fn names(&self, figure: &str) -> bool {
        self.chosen.iter().any(|chosen| chosen == figure)
    }

    /// So many rows, where the command line does not say.
    pub fn rows(&self, otherwise: u64) -> u64 {
        self.rows.unwrap_or(otherwise)
    }
}

fn number(option: &str, value: Option<&String>) -> Result<u64, String> {
    let value = value.map(|value| value.replace('_', "")).unwrap_or_default();
    match value.parse() {
        Ok(0) | Err(_) => Err(format!("{option} takes a number above 0 and not `{value}`")),
        Ok(number) => Ok(number),
    }
}
