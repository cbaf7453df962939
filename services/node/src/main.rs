//! The command `rfe`.

mod cmd;

fn main() -> std::process::ExitCode {
    cmd::main()
}
