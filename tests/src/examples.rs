//! Examples of a document: commands as a user pastes them into a shell, and what the document says that they answer.

use std::{
    fmt::Write as _,
    fs, mem,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    Document, Platform, Role,
    cli::{Answer, finish},
    tool,
};

/// Begins a line with a part of what the commands above it answer.
const ANSWERS: &str = "# → ";
/// Begins a line with a part of the error that they end with.
const FAILS: &str = "# ✗ ";
/// Stands for whatever a document leaves out.
const LEFT_OUT: char = '…';

/// Where documents say that all services are.
const ADDRESS: &str = "127.0.0.1:50051";
/// Who serves what, where each role has its own address. Ingest has whatever names no service.
const HOMES: [(&str, Role); 5] = [
    ("rfe.metadata.", Role::Metadata),
    ("rfe.scheduler.", Role::Scheduler),
    ("rfe.dlq.", Role::Dlq),
    ("rfe.worker.", Role::Worker),
    ("arrow.flight.", Role::Query),
];

/// What is pasted at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Example {
    commands: String,
    promises: Vec<String>,
    fails: bool,
}

// === impl Example ===

impl Example {
    /// The examples of a document, in order.
    ///
    /// # Panics
    /// If it has none, or one of which it does not say what it answers.
    pub fn all_of(document: &Document) -> Vec<Self> {
        let examples: Vec<Self> = document.blocks("sh").iter().flat_map(|block| Self::of(block)).collect();
        assert!(!examples.is_empty(), "an example is found");
        examples
    }

    fn of(block: &str) -> Vec<Self> {
        let (mut examples, mut open) = (Vec::new(), Self::default());
        for line in block.lines() {
            if let Some(promise) = line.strip_prefix(ANSWERS).or_else(|| line.strip_prefix(FAILS)) {
                open.fails |= line.starts_with(FAILS);
                open.promises.push(promise.to_owned());
                continue;
            }
            if !open.promises.is_empty() {
                examples.push(mem::take(&mut open));
            }
            open.commands.push_str(line);
            open.commands.push('\n');
        }
        assert!(!open.promises.is_empty(), "the document does not say what this answers:\n{}", open.commands);
        examples.push(open);
        examples
    }

    /// Its lines of a script that ends where a command ends otherwise than the document says.
    fn script(&self, address: impl Fn(Role) -> String) -> String {
        let commands: String =
            self.commands.split_inclusive('\n').map(|line| addressed(line, &address)).collect();
        if self.fails {
            format!("set +e\n{commands}[ $? -ne 0 ] || {{ echo 'this was to fail'; exit 1; }}\nset -e\n")
        } else {
            commands
        }
    }

    fn check(&self, answer: &str) {
        for promise in &self.promises {
            assert!(holds(promise, answer), "{}is to answer\n{promise}\nbut did\n{answer}", self.commands);
        }
    }
}

impl Platform {
    /// Pastes examples into one shell, in the working folder, and compares what they answer. An address in them becomes that of the
    /// role whose service stands behind it on its line.
    ///
    /// # Panics
    /// If one does not answer what its document says, or does not end so.
    pub async fn paste(&self, examples: &[Example], environment: &[(&str, &str)]) {
        let home = tempfile::tempdir().expect("a folder can be made");
        let file = |number: usize| home.path().join(number.to_string());
        let mut script = "set -eu\n".to_owned();
        for (number, example) in examples.iter().enumerate() {
            writeln!(script, "exec >'{}' 2>&1", file(number).display()).expect("memory can be written");
            script.push_str(&example.script(|role| self.address(role)));
        }
        let ended = run(self.shell(home.path(), &script, environment)).await;

        let answers: Vec<Vec<u8>> =
            (0..examples.len()).map_while(|number| fs::read(file(number)).ok()).collect();
        for (example, answer) in examples.iter().zip(&answers) {
            example.check(&String::from_utf8_lossy(answer));
        }
        let last = examples.iter().zip(&answers).next_back();
        let last = last.map(|(example, answer)| (&example.commands, String::from_utf8_lossy(answer)));
        assert!(ended.code == 0 && answers.len() == examples.len(), "it ends with {ended:?} in\n{last:#?}");
    }

    fn shell(&self, home: &Path, script: &str, environment: &[(&str, &str)]) -> Command {
        let file = home.join("script");
        fs::write(&file, script).expect("a file can be written");
        let mut command = tool::of_path("sh");
        command.arg(file).current_dir(self.work()).env("PATH", path_with(&tool::grpcurl()));
        command.envs(environment.iter().copied());
        command
    }
}

async fn run(mut command: Command) -> Answer {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command, String::new()).await
}

/// `PATH` with the folder of a program before all others.
fn path_with(program: &Path) -> String {
    let folder = program.parent().expect("a program lies in a folder");
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default())
}

fn addressed(line: &str, address: impl Fn(Role) -> String) -> String {
    let Some((before, behind)) = line.split_once(ADDRESS) else {
        return line.to_owned();
    };
    let home = HOMES.iter().find(|(package, _)| behind.contains(package));
    format!("{before}{}{behind}", address(home.map_or(Role::Ingest, |(_, role)| *role)))
}

/// True if the answer has the pieces of a promise, in their order, however it is broken into lines.
fn holds(promise: &str, answer: &str) -> bool {
    let answer = on_one_line(answer);
    let mut rest = answer.as_str();
    promise.split(LEFT_OUT).all(|piece| match rest.split_once(&on_one_line(piece)) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_ends_with_what_it_answers() {
        let block = "# Two lines.\nprintf a\nprintf b\n# → a\n# → b\n\nfalse\n# ✗ nothing\n";
        let [first, second]: [Example; 2] = Example::of(block).try_into().expect("two examples");
        assert_eq!(first.commands, "# Two lines.\nprintf a\nprintf b\n");
        assert_eq!((first.promises, first.fails), (vec!["a".to_owned(), "b".to_owned()], false));
        assert_eq!(second.commands, "\nfalse\n");
        assert!(second.fails);
    }

    #[test]
    #[should_panic(expected = "does not say what this answers")]
    fn a_command_without_an_answer_is_no_example() {
        let _examples = Example::of("printf a\n# → a\nprintf b\n");
    }

    #[test]
    fn what_is_left_out_may_be_anything_and_all_else_may_not() {
        let answer = "{\n  \"a\": 1,\n  \"b\": 2\n}\n";
        assert!(holds("{ \"a\": … \"b\": 2 }", answer));
        assert!(!holds("\"b\": … \"a\":", answer));
        assert!(!holds("\"a\": 2", answer));
    }

    #[test]
    fn an_address_becomes_that_of_the_service_behind_it() {
        let line = "grpcurl -d '{}' 127.0.0.1:50051 rfe.dlq.v1.DlqService/ListDeadLetters\n";
        let there = addressed(line, |role| format!("{}:1", role.name()));
        assert_eq!(there, "grpcurl -d '{}' dlq:1 rfe.dlq.v1.DlqService/ListDeadLetters\n");
    }
}
