//! `rfe token`: makes, lists and revokes tokens in the file that servers accept them from.

use std::{io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use rfe_mesh::{
    scope::Grant,
    tokens::{
        TokensError,
        file::{self, Entry},
        secret::Secret,
    },
};
use serde_json::json;

use super::fail;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const NOT_FOUND: u8 = 4;

/// What is done with tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token and print it; only its hash is kept, so it is shown this once
    Create(Create),
    /// List the tokens, without what is secret about them
    Ls(InFile),
    /// Refuse a token from now on; servers notice it within two seconds
    Revoke(Revoke),
}

/// Where the tokens are.
#[derive(Debug, Args)]
pub(super) struct InFile {
    /// The file of tokens
    #[arg(long, env = "RFE_TOKENS_FILE", value_name = "FILE")]
    file: Option<PathBuf>,
}

// === impl InFile ===

impl InFile {
    fn path(self) -> Result<PathBuf, Failed> {
        self.file.filter(|path| !path.as_os_str().is_empty()).ok_or(Failed::NoFile)
    }
}

/// A token to make.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// What it is for, such as the program that gets it
    #[arg(long, default_value = "unnamed")]
    name: String,
    /// ingest, read or admin; `:SOURCE` behind it for one source alone. Several by comma or by repeating
    #[arg(long = "scope", value_name = "SCOPE[:SOURCE]", required = true, value_delimiter = ',')]
    scopes: Vec<Grant>,
    /// How long it is valid, such as 90d; without end by default
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    expires: Option<Duration>,
    #[command(flatten)]
    at: InFile,
}

/// A token to revoke.
#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// Its id, as `rfe token ls` shows it; the token itself is taken too
    id: String,
    #[command(flatten)]
    at: InFile,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("nobody said where the tokens are: use --file, or set RFE_TOKENS_FILE as for the servers")]
    NoFile,
    #[error(transparent)]
    Tokens(#[from] TokensError),
    #[error("the operating system gave no random numbers: {0}")]
    Random(getrandom::Error),
    #[error("`--expires`: {0} is further away than a calendar reaches")]
    Lifetime(String),
    #[error("there is no token `{id}` in {}; `rfe token ls` lists them", file.display())]
    NotFound { id: String, file: PathBuf },
    #[error("can't write the result: {0}")]
    Output(#[from] std::io::Error),
}

/// Does it; results are JSON if wanted so.
pub(super) fn run(command: Token, json: bool) -> ExitCode {
    let done = match command {
        Token::Create(create) => create.run(json),
        Token::Ls(at) => list(at, json),
        Token::Revoke(revoke) => revoke.run(json),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ Failed::NoFile) => fail(&error.to_string(), USAGE),
        Err(error @ Failed::NotFound { .. }) => fail(&error.to_string(), NOT_FOUND),
        Err(error) => fail(&error.to_string(), FAILED),
    }
}

// === impl Create ===

impl Create {
    fn run(self, json: bool) -> Result<(), Failed> {
        let path = self.at.path()?;
        let expires = self.expires.map(from_now).transpose()?;
        let secret = Secret::random().map_err(Failed::Random)?;
        let entry = Entry::new(&secret, self.name, self.scopes, expires);
        file::edit(&path, |tokens| {
            tokens.push(entry.clone());
            Ok::<_, TokensError>(())
        })?;
        if json {
            let mut shown = shown(&entry);
            shown["token"] = json!(secret.reveal());
            return print(&shown.to_string());
        }
        print(secret.reveal())?;
        eprintln!(
            "rfe: token `{}` ({}) may {}{}. It is shown this once; clients send it when RFE_TOKEN is set to it",
            entry.id,
            entry.name,
            scopes(&entry),
            entry.expires.map_or_else(String::new, |at| format!(" until {at}")),
        );
        Ok(())
    }
}

// === impl Revoke ===

impl Revoke {
    fn run(self, json: bool) -> Result<(), Failed> {
        // Who has a leaked token at hand need not look for its id.
        let id = Secret::read(&self.id).map_or(self.id, |secret| secret.id().to_owned());
        let file = self.at.path()?;
        let entry = file::edit(&file, |tokens| {
            let at = tokens.iter().position(|entry| entry.id == id);
            at.map(|at| tokens.remove(at)).ok_or_else(|| Failed::NotFound { id, file: file.clone() })
        })?;
        if json {
            return print(&shown(&entry).to_string());
        }
        eprintln!("rfe: token `{}` ({}) is revoked", entry.id, entry.name);
        Ok(())
    }
}

fn list(at: InFile, json: bool) -> Result<(), Failed> {
    let tokens = file::read(&at.path()?)?;
    if json {
        return tokens.iter().try_for_each(|entry| print(&shown(entry).to_string()));
    }
    let now = Timestamp::now();
    let head = ["ID", "NAME", "SCOPES", "CREATED", "EXPIRES"].map(str::to_owned);
    let rows = std::iter::once(head).chain(tokens.iter().map(|entry| row(entry, now))).collect::<Vec<_>>();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    rows.iter().try_for_each(|[id, name, scopes, created, expires]| {
        let [w0, w1, w2, w3] = widths;
        print(&format!("{id:w0$}  {name:w1$}  {scopes:w2$}  {created:w3$}  {expires}"))
    })
}

fn row(entry: &Entry, now: Timestamp) -> [String; 5] {
    let expires = match entry.expires {
        None => "never".to_owned(),
        Some(at) if at <= now => format!("{at} (expired)"),
        Some(at) => at.to_string(),
    };
    [entry.id.clone(), entry.name.clone(), scopes(entry), entry.created.to_string(), expires]
}

fn scopes(entry: &Entry) -> String {
    entry.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn shown(entry: &Entry) -> serde_json::Value {
    json!({
        "id": entry.id,
        "name": entry.name,
        "scopes": entry.scopes,
        "created": entry.created,
        "expires": entry.expires,
    })
}

fn print(line: &str) -> Result<(), Failed> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

fn lifetime(text: &str) -> Result<Duration, String> {
    match rfe_model::duration::parse(text)? {
        Duration::ZERO => Err("a token that is valid for no time at all opens nothing".to_owned()),
        lifetime => Ok(lifetime),
    }
}

fn from_now(lifetime: Duration) -> Result<Timestamp, Failed> {
    let wrong = || Failed::Lifetime(format!("{lifetime:?}"));
    let span = SignedDuration::try_from(lifetime).map_err(|_| wrong())?;
    Timestamp::now().checked_add(span).map_err(|_| wrong())
}
