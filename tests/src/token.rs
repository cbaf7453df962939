//! Tokens, as an operator issues them.

use std::{path::Path, process::Stdio};

use crate::{
    Platform,
    cli::{Answer, finish},
};

impl Platform {
    /// Runs `rfe token <verb> <words>` on a file of tokens.
    pub async fn token(&self, file: &Path, verb: &str, words: &[&str]) -> Answer {
        let mut command = self.command();
        command.env("RFE_TOKENS_FILE", file).args(["token", verb]).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(command, String::new()).await
    }

    /// Issues a token into a file of tokens.
    ///
    /// # Panics
    /// If what is printed is no token.
    pub async fn issue_token(&self, file: &Path, words: &[&str]) -> String {
        let answer = self.token(file, "create", words).await.ok();
        let token = answer.stdout.trim().to_owned();
        assert!(token.starts_with("rfe_") && token.len() > 64, "{answer:?}");
        token
    }

    /// Has all processes want tokens from their next start on; the answer is one that may do everything.
    pub async fn guard(&mut self) -> String {
        let file = self.work().join("tokens.toml");
        let admin = self.issue_token(&file, &["--scope", "admin"]).await;
        let file = file.to_str().expect("a path is text");
        self.settings = self.settings.clone().with("RFE_TOKENS_FILE", file).with("RFE_TOKEN", &admin);
        admin
    }
}
