//! A line of the log, as text or as JSON, with the request and the trace that it belongs to.

use std::fmt;

use serde_json::{Map, Value};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

use super::{LogFormat, trace};
use crate::call::Call;

/// Writes lines.
pub(super) struct Line {
    format: LogFormat,
    role: String,
}

impl Line {
    pub(super) fn new(format: LogFormat, role: String) -> Self {
        Self { format, role }
    }

    fn json(&self, event: &Event<'_>) -> Value {
        let mut seen = Fields::default();
        event.record(&mut seen);
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), now().into());
        line.insert("level".to_owned(), event.metadata().level().as_str().into());
        line.insert("target".to_owned(), event.metadata().target().into());
        if !self.role.is_empty() {
            line.insert("role".to_owned(), self.role.as_str().into());
        }
        line.insert("message".to_owned(), seen.message.into());
        if let Some(id) = request_id() {
            line.insert("request_id".to_owned(), id.into());
        }
        if let Some(id) = trace::current_trace_id() {
            line.insert("trace_id".to_owned(), id.into());
        }
        if !seen.others.is_empty() {
            line.insert("fields".to_owned(), seen.others.into());
        }
        Value::Object(line)
    }
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if self.format == LogFormat::Json {
            return writeln!(writer, "{}", self.json(event));
        }
        let metadata = event.metadata();
        write!(writer, "{} {} {}: ", now(), level(*metadata.level(), &writer), metadata.target())?;
        context.format_fields(writer.by_ref(), event)?;
        if let Some(id) = request_id() {
            write!(writer, " request_id={id}")?;
        }
        if let Some(id) = trace::current_trace_id() {
            write!(writer, " trace_id={id}")?;
        }
        writeln!(writer)
    }
}

fn request_id() -> Option<String> {
    Call::current().request_id?.to_str().ok().map(str::to_owned)
}

fn now() -> String {
    let mut text = String::new();
    // Writing into a String does not fail.
    let _written = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

fn level(level: Level, writer: &Writer<'_>) -> String {
    let colour = match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    };
    if writer.has_ansi_escapes() { format!("\x1b[{colour}m{level:>5}\x1b[0m") } else { format!("{level:>5}") }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn keep(&mut self, field: &Field, value: impl Into<Value>) {
        self.others.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            _ => self.keep(field, format!("{value:?}")),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            _ => self.keep(field, value),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, value);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use http::{HeaderMap, HeaderValue};
    use tracing_subscriber::{fmt::MakeWriter, layer::SubscriberExt as _};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("the lock").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Written {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    async fn line(format: LogFormat) -> String {
        let written = Written::default();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .event_format(Line::new(format, "worker".to_owned()))
            .with_writer(written.clone());
        let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_static("r-1"));
        let log = async { tracing::warn!(rows = 3, source = "a \"b\"", "the run\nended") };
        Call::of(&headers).scope(log).await;
        let bytes = written.0.lock().expect("the lock").clone();
        String::from_utf8(bytes).expect("text")
    }

    #[tokio::test]
    async fn a_json_line_is_one_object_with_its_request() {
        let line = line(LogFormat::Json).await;
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let line: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "the run\nended");
        assert_eq!(line["role"], "worker");
        assert_eq!(line["request_id"], "r-1");
        assert_eq!(line["fields"], serde_json::json!({"rows": 3, "source": "a \"b\""}));
        assert_eq!(line["target"], module_path!());
        assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    }

    #[tokio::test]
    async fn a_line_of_text_shows_its_fields_and_its_request() {
        let line = line(LogFormat::Text).await;
        assert!(line.contains(" WARN "), "{line}");
        assert!(line.contains("rows=3"), "{line}");
        assert!(line.trim_end().ends_with("request_id=r-1"), "{line}");
    }
}
