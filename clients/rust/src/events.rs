//! Pushed events.

use futures::{Stream, StreamExt as _};
use rfe_proto::ingest as pb;
use uuid::Uuid;

use crate::{Client, EventSender, Result};

impl Client {
    /// Submits up to 1,000 events or 4 MiB in one call; the results are in the order of the events. Events without id get one,
    /// so that a repeated call lands nothing twice. For more events there is [`Self::event_sender`].
    ///
    /// # Errors
    /// If the source does not exist or takes no events, or the queue is full. What is wrong with one event alone is in its result.
    pub async fn submit_events(
        &self,
        source: &str,
        mut events: Vec<pb::Event>,
    ) -> Result<Vec<pb::EventResult>> {
        events.iter_mut().for_each(give_id);
        let request = pb::SubmitEventsRequest { source: source.to_owned(), events };
        let sent = request.events.len();
        let results = self
            .ingest
            .safe(request, |mut client, request| async move {
                Ok(client.submit_events(request).await?.into_inner().results)
            })
            .await?;
        self.check_results(sent, results)
    }

    /// Submits events as one stream; each item of `events` is some of them, in any number. They become durable in order, group by
    /// group, and the stream is asked for more only then. The answer comes at the end; for one that repeats what was not
    /// delivered there is [`Self::event_sender`].
    ///
    /// # Errors
    /// As [`Self::submit_events`]. [`Error::processed`](crate::Error::processed) says how many events, from the first one, are answered for good: go on
    /// behind them. Where it does not say, send all again, with the same ids.
    pub async fn stream_events<S>(&self, source: &str, events: S) -> Result<pb::StreamEventsResponse>
    where
        S: Stream<Item = Vec<pb::Event>> + Send + 'static,
    {
        let source = source.to_owned();
        let messages = events.map(move |mut events| {
            events.iter_mut().for_each(give_id);
            pb::StreamEventsRequest { source: source.clone(), events }
        });
        self.streams
            .once(messages, |mut client, messages| async move {
                Ok(client.stream_events(messages).await?.into_inner())
            })
            .await
    }

    /// A sender of any number of events.
    pub fn event_sender(&self, source: &str) -> EventSender {
        EventSender::new(self.clone(), source)
    }

    pub(crate) fn check_results(
        &self,
        sent: usize,
        results: Vec<pb::EventResult>,
    ) -> Result<Vec<pb::EventResult>> {
        if results.len() == sent {
            return Ok(results);
        }
        Err(self.ingest.broken(format!("{} results for {sent} events", results.len())))
    }
}

pub(crate) fn give_id(event: &mut pb::Event) {
    if event.event_id.is_empty() {
        event.event_id = Uuid::now_v7().to_string();
    }
}
