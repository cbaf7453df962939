//! The W3C trace that a piece of work belongs to. Without [`super::Telemetry`] there is none, and all of this does nothing.

use http::{HeaderMap, HeaderName};
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use tracing::{Metadata, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The header that hands a trace on.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

// Spans of this target go to the collector and nowhere else.
const TARGET: &str = "rfe::trace";

pub(super) fn is_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == TARGET
}

/// The trace of the work that runs here, as the value of a `traceparent` header; empty outside of any.
pub fn current_traceparent() -> String {
    Context::map_current(|context| written(context.span().span_context()))
}

/// The id of the trace of the work that runs here.
pub fn current_trace_id() -> Option<String> {
    Context::map_current(|context| {
        let id = context.span().span_context().trace_id();
        (id != TraceId::INVALID).then(|| id.to_string())
    })
}

/// Begins a span that goes on with the trace of `traceparent`, or begins one if there is none in it. Work is its part by
/// `tracing::Instrument`.
pub fn span_from(traceparent: &str, name: &str) -> Span {
    following(traceparent, name, "internal")
}

/// The same for work that was asked for by a queue.
pub fn consumer_span(traceparent: &str, name: &str) -> Span {
    following(traceparent, name, "consumer")
}

/// The same for a call that came with these headers.
pub fn server_span(headers: &HeaderMap, name: &str) -> Span {
    let traceparent = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
    following(traceparent.unwrap_or_default(), name, "server")
}

/// Begins a span within the work that runs here.
pub fn span(name: &str) -> Span {
    tracing::info_span!(target: TARGET, "span", otel.name = name)
}

fn following(traceparent: &str, name: &str, kind: &str) -> Span {
    let span = tracing::info_span!(target: TARGET, parent: None, "span", otel.name = name, otel.kind = kind);
    if let Some(parent) = parse(traceparent) {
        // It fails only without telemetry.
        let _no_trace = span.set_parent(Context::new().with_remote_span_context(parent));
    }
    span
}

/// Says that the work of a span has to do with another trace as well.
pub fn link(span: &Span, traceparent: &str) {
    if let Some(other) = parse(traceparent) {
        span.add_link(other);
    }
}

/// Writes a value into a span: an id, a name, a number; never a payload.
pub fn attribute(span: &Span, key: &'static str, value: impl Into<opentelemetry::Value>) {
    span.set_attribute(key, value);
}

/// Says that the work of a span failed.
pub fn failed(span: &Span, reason: impl Into<String>) {
    span.set_status(Status::error(reason.into()));
}

/// Whether the trace of a `traceparent` is told to a collector.
pub fn is_sampled(traceparent: &str) -> bool {
    parse(traceparent).is_some_and(|trace| trace.is_sampled())
}

fn written(trace: &SpanContext) -> String {
    if !trace.is_valid() {
        return String::new();
    }
    let sampled = u8::from(trace.is_sampled());
    format!("00-{}-{}-{sampled:02x}", trace.trace_id(), trace.span_id())
}

// https://www.w3.org/TR/trace-context/#traceparent-header
fn parse(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.trim().split('-');
    let version = hex(parts.next()?, 2)?;
    let trace = hex(parts.next()?, 32)?;
    let span = hex(parts.next()?, 16)?;
    let flags = hex(parts.next()?, 2)?;
    if version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()? & 1),
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

fn hex(text: &str, digits: usize) -> Option<&str> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == digits && text.bytes().all(lower)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_written_as_it_was_read() {
        assert_eq!(written(&parse(GOOD).expect("a trace")), GOOD);
        let unsampled = GOOD.replace("-01", "-00");
        assert_eq!(written(&parse(&unsampled).expect("a trace")), unsampled);
        assert!(is_sampled(GOOD) && !is_sampled(&unsampled));
        // A later version may say more.
        assert!(parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-more").is_some());
    }

    #[test]
    fn what_is_no_traceparent_is_no_trace() {
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-é",
        ] {
            assert!(parse(bad).is_none(), "`{bad}` is a trace");
        }
    }
}
