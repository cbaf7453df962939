//! What is wrong with a `verify` that reads.

use std::time::Duration;

use super::{Basic, Bearer, Github, Hmac, Secrets, SharedSecret, Standard, Verify};
use crate::{Violation, secret};

const LONGEST: Duration = Duration::from_secs(24 * 3600);

impl Verify {
    /// Checks it without resolving a secret.
    ///
    /// # Errors
    /// Every field at fault, relative to `config.verify`.
    pub fn check(&self) -> Result<(), Vec<Violation>> {
        let mut wrong = Vec::new();
        match self {
            Self::None => {}
            Self::Secret(shared) => shared_secret(shared, &mut wrong),
            Self::Bearer(Bearer { secret }) | Self::Github(Github { secret }) => {
                secrets("secret", secret, &mut wrong);
            }
            Self::Basic(basic) => name_and_password(basic, &mut wrong),
            Self::Hmac(hmac) => signature(hmac, &mut wrong),
            Self::Standard(Standard { secret, tolerance }) => {
                secrets("secret", secret, &mut wrong);
                duration("tolerance", *tolerance, &mut wrong);
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

fn shared_secret(shared: &SharedSecret, wrong: &mut Vec<Violation>) {
    secrets("secret", &shared.secret, wrong);
    match (&shared.header, &shared.query) {
        (Some(name), None) => header("header", name, wrong),
        (None, Some(name)) if !name.is_empty() => {}
        _ => wrong.push(Violation::new(
            "",
            "has one of `header` and `query`, which name where the secret is shown, such as `header: X-Webhook-Secret`",
        )),
    }
}

fn name_and_password(basic: &Basic, wrong: &mut Vec<Violation>) {
    text("username", &basic.username, wrong);
    if basic.username.is_empty() {
        wrong.push(Violation::new("username", "is empty"));
    }
    if basic.username.contains(':') && !basic.username.contains("${") {
        wrong.push(Violation::new("username", "holds a colon, which no name of HTTP can"));
    }
    secrets("password", &basic.password, wrong);
}

fn signature(hmac: &Hmac, wrong: &mut Vec<Violation>) {
    secrets("secret", &hmac.secret, wrong);
    header("header", &hmac.header, wrong);
    if let Some(timestamp) = &hmac.timestamp {
        header("timestamp.header", &timestamp.header, wrong);
        duration("timestamp.tolerance", timestamp.tolerance, wrong);
    }
    let template = hmac.template();
    let mut refuse = |reason: &str| wrong.push(Violation::new("template", format!("`{template}` {reason}")));
    if template.matches("{body}").count() != 1 {
        refuse("holds no `{body}`, or several");
    }
    match (template.matches("{timestamp}").count(), &hmac.timestamp) {
        (0, Some(_)) => refuse("holds no `{timestamp}`, so that anybody could change it"),
        (1.., None) => refuse("holds `{timestamp}`, but the key `timestamp` does not say which header it is"),
        _ => {}
    }
    if template.replace("{body}", "").replace("{timestamp}", "").contains(['{', '}']) {
        refuse("holds a brace that is neither `{body}` nor `{timestamp}`");
    }
}

fn secrets(path: &str, secrets: &Secrets, wrong: &mut Vec<Violation>) {
    for written in secrets.written() {
        text(path, written, wrong);
        if written.is_empty() {
            wrong.push(Violation::new(path, "is empty; write a reference, such as `${env:WEBHOOK_SECRET}`"));
        }
    }
}

fn text(path: &str, written: &str, wrong: &mut Vec<Violation>) {
    if let Err(reason) = secret::check(written) {
        wrong.push(Violation::new(path, reason));
    }
}

fn header(path: &str, name: &str, wrong: &mut Vec<Violation>) {
    // RFC 9110, `token`.
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        wrong.push(Violation::new(path, format!("`{name}` is no name of a header")));
    }
}

fn duration(path: &str, tolerance: Option<Duration>, wrong: &mut Vec<Violation>) {
    if tolerance.is_some_and(|tolerance| tolerance.is_zero() || tolerance > LONGEST) {
        wrong.push(Violation::new(path, "is more than 0 and at most 24h"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(written: &serde_json::Value) -> String {
        let all = match Verify::read(written) {
            Err(violation) => vec![violation],
            Ok(verify) => verify.check().expect_err("something is wrong with it"),
        };
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn every_kind_reads_as_the_guide_writes_it() {
        for written in [
            json!({"kind": "none"}),
            json!({"kind": "secret", "secret": "${env:S}", "header": "X-Webhook-Secret"}),
            json!({"kind": "secret", "secret": "${file:s}", "query": "token"}),
            json!({"kind": "bearer", "secret": ["${env:NEW}", "${env:OLD}"]}),
            json!({"kind": "basic", "username": "shop", "password": "${env:P}"}),
            json!({"kind": "hmac", "secret": "${env:S}", "header": "X-Signature", "algorithm": "sha512", "encoding": "base64", "prefix": "v0=",
                   "timestamp": {"header": "X-Time", "tolerance": "2m"}, "template": "v0:{timestamp}:{body}"}),
            json!({"kind": "hmac", "secret": "${env:S}", "header": "X-Signature", "timestamp": {"header": "X-Time"}}),
            json!({"kind": "standard", "secret": "${env:S}", "tolerance": "10m"}),
            json!({"kind": "github", "secret": "${env:S}"}),
        ] {
            let read = Verify::read(&written).unwrap_or_else(|wrong| panic!("{written}: {wrong}"));
            assert_eq!(read.check(), Ok(()), "{written}");
        }
    }

    #[test]
    fn what_is_wrong_names_its_path_and_the_nearest_name() {
        let unknown = wrong(&json!({"kind": "githup", "secret": "a"}));
        assert!(unknown.starts_with("kind: `githup` is none of none, secret"), "{unknown}");
        assert!(unknown.ends_with("did you mean `github`?"), "{unknown}");
        let key = wrong(&json!({"kind": "hmac", "secret": "a", "headr": "b"}));
        assert_eq!(key, "headr: unknown key `headr`; did you mean `header`?");
        assert_eq!(wrong(&json!({"kind": "github"})), ": the key `secret` is missing");
        let hash = wrong(&json!({"kind": "hmac", "secret": "a", "header": "b", "algorithm": "md5"}));
        assert!(hash.starts_with("algorithm: ") && hash.contains("sha256"), "{hash}");
        let reference = wrong(&json!({"kind": "bearer", "secret": "${vault:a}"}));
        assert!(reference.starts_with("secret: `${vault:a}` is no reference"), "{reference}");
        for (written, path) in [
            (json!({"kind": "secret", "secret": "a"}), ": has one of"),
            (json!({"kind": "secret", "secret": "a", "header": "X", "query": "q"}), ": has one of"),
            (json!({"kind": "secret", "secret": [], "header": "X"}), "secret: holds 0 secrets"),
            (json!({"kind": "secret", "secret": "", "header": "X"}), "secret: is empty"),
            (json!({"kind": "basic", "username": "a:b", "password": "c"}), "username: holds a colon"),
            (json!({"kind": "hmac", "secret": "a", "header": "X Y"}), "header: `X Y` is no name"),
            (
                json!({"kind": "hmac", "secret": "a", "header": "X", "template": "{timestamp}.{body}"}),
                "template: ",
            ),
            (json!({"kind": "hmac", "secret": "a", "header": "X", "template": "v0"}), "template: "),
            (
                json!({"kind": "hmac", "secret": "a", "header": "X", "template": "{boddy}{body}"}),
                "template: ",
            ),
            (
                json!({"kind": "hmac", "secret": "a", "header": "X", "timestamp": {"header": "T"}, "template": "{body}"}),
                "template: `{body}` holds no `{timestamp}`",
            ),
            (json!({"kind": "standard", "secret": "a", "tolerance": "0s"}), "tolerance: "),
            (json!("github"), ": is no map"),
        ] {
            let text = wrong(&written);
            assert!(text.starts_with(path), "{written}: {text}");
        }
    }
}
