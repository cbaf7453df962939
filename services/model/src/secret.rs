//! References to secrets: `${env:NAME}` and `${file:PATH}` within a text. The registry holds references only; they are resolved
//! where the value is used.

/// Where secrets come from.
pub trait SecretStore: Send + Sync + std::fmt::Debug {
    /// The value of an environment variable.
    ///
    /// # Errors
    /// With the reason, never the value.
    fn env(&self, name: &str) -> Result<String, String>;
    /// The content of a file, without the newline at its end.
    ///
    /// # Errors
    /// With the reason, never the value.
    fn file(&self, path: &str) -> Result<String, String>;
}

/// Replaces every reference in a text.
///
/// # Errors
/// Names the reference that does not resolve.
pub fn resolve(text: &str, store: &dyn SecretStore) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        out.push_str(&rest[..start]);
        let tail = &rest[start + 2..];
        let end = tail.find('}').ok_or_else(|| format!("`{text}`: `${{` without `}}`"))?;
        out.push_str(&lookup(&tail[..end], store)?);
        rest = &tail[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Checks that the references of a text are well formed, without resolving them.
///
/// # Errors
/// Names the reference at fault.
pub fn check(text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let tail = &rest[start + 2..];
        let end = tail.find('}').ok_or_else(|| format!("`{text}`: `${{` without `}}`"))?;
        split(&tail[..end])?;
        rest = &tail[end + 1..];
    }
    Ok(())
}

fn lookup(reference: &str, store: &dyn SecretStore) -> Result<String, String> {
    match split(reference)? {
        ("env", name) => store.env(name),
        (_, path) => store.file(path),
    }
}

fn split(reference: &str) -> Result<(&str, &str), String> {
    match reference.split_once(':') {
        Some((scheme @ ("env" | "file"), rest)) if !rest.is_empty() => Ok((scheme, rest)),
        _ => Err(format!("`${{{reference}}}` is no reference: write `${{env:NAME}}` or `${{file:PATH}}`")),
    }
}
