//! `rfe datasets drop`.

use std::io::{self, BufRead, IsTerminal as _, Write as _};

use rfe_client::metadata::Dataset;

use crate::{error::CliError, session::Session, text};

/// Drops a dataset. On a terminal a person is asked first, elsewhere `--yes` says so.
pub(super) async fn drop(session: &mut Session, name: &str, yes: bool) -> Result<(), CliError> {
    if !yes {
        if !io::stdin().is_terminal() {
            return Err(CliError::Usage(format!(
                "dropping `{name}` deletes its rows for good, and nobody is here to be asked; say --yes"
            )));
        }
        let dataset = session.client.dataset(name).await?;
        confirm(&dataset, &mut io::stdin().lock())?;
    }
    let dropped = session.client.drop_dataset(name).await?;
    if session.json {
        return session.out.message(&dropped);
    }
    let dataset = dropped.dataset.unwrap_or_default();
    session.out.line(&format!("dropped {name} at snapshot {}: {}", dropped.snapshot, what(&dataset)))
}

fn confirm(dataset: &Dataset, answers: &mut impl BufRead) -> Result<(), CliError> {
    let mut stderr = io::stderr();
    let question = format!("drop `{}`, {}, for good? [y/N] ", dataset.name, what(dataset));
    stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()).map_err(CliError::Output)?;
    let mut answer = String::new();
    answers.read_line(&mut answer).map_err(|error| CliError::read("the answer", error))?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(CliError::Failed(format!("`{}` is not dropped", dataset.name)))
}

fn what(dataset: &Dataset) -> String {
    let (rows, files) = (text::many(dataset.rows, "row"), text::many(i64::from(dataset.files), "file"));
    format!("{rows} in {files} ({})", text::bytes(dataset.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_drops() {
        let dataset = Dataset { name: "a".to_owned(), rows: 1200, files: 2, ..Dataset::default() };
        for yes in ["y\n", "Yes\n", " y "] {
            assert!(confirm(&dataset, &mut yes.as_bytes()).is_ok(), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "yesterday\n"] {
            let error = confirm(&dataset, &mut no.as_bytes()).expect_err("not dropped");
            assert_eq!((error.exit_code(), error.to_string().as_str()), (1, "`a` is not dropped"), "{no:?}");
        }
        assert!(what(&dataset).starts_with("1,200 rows in 2 files ("), "{}", what(&dataset));
    }
}
