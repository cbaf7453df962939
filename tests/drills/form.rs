//! What a run of the drills is: its seed, from which all its choices follow, and how long it takes.

/// A run of the drills.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// Reproduces the choices of a run; not what the machine does with them.
    pub seed: u64,
    /// Minutes a drill instead of seconds.
    pub long: bool,
}

// === impl Form ===

impl Form {
    /// Reads `DRILL_SEED` (a number; unset: a new one) and `DRILL_FORM` (`short`, the default, or `long`).
    ///
    /// # Errors
    /// If one of them is anything else.
    pub fn of_environment() -> Result<Self, String> {
        let set = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let seed = match set("DRILL_SEED") {
            Some(text) => text.parse().map_err(|_| format!("DRILL_SEED: `{text}` is no number"))?,
            None => fastrand::u64(..1_000_000),
        };
        let long = match set("DRILL_FORM").as_deref() {
            None | Some("short") => false,
            Some("long") => true,
            Some(other) => return Err(format!("DRILL_FORM: `{other}` is none of short, long")),
        };
        Ok(Self { seed, long })
    }

    /// As people call it.
    pub fn name(self) -> &'static str {
        self.pick("short", "long")
    }

    /// One thing for the short form, another for the long one.
    pub fn pick<T>(self, short: T, long: T) -> T {
        if self.long { long } else { short }
    }

    /// Choices for one purpose; what others choose does not change them.
    pub fn rng(self, purpose: &str) -> fastrand::Rng {
        let mix = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        fastrand::Rng::with_seed(purpose.bytes().fold(self.seed ^ 0xcbf2_9ce4_8422_2325, mix))
    }
}
