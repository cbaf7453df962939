//! Dead letters of a run: large bytes go to the bucket first, then the letters' JSON, then the registry gets them.

use std::collections::HashSet;

use futures::{StreamExt as _, TryStreamExt as _};
use rfe_lake::{Bucket, Lake};
use rfe_model::{
    key,
    letter::{BadRecord, MAX_INLINE_RAW},
    time,
};
use rfe_proto::{dlq::DeadLetter, metadata::Run};

use crate::failure::Stop;

// All letters of a run travel in one message of at most 32 MiB.
const INLINE_BUDGET: usize = 12 << 20;
const PUTS_AT_ONCE: usize = 8;

/// Whose letters they are.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    pub source: String,
    pub run_id: String,
    pub attempt: u32,
    pub schema_version: u32,
}

/// The letters of a run.
#[derive(Debug)]
pub(crate) struct Letters {
    run_id: String,
    epoch: u64,
    letters: Vec<DeadLetter>,
    ids: HashSet<String>,
    inline: usize,
}

impl Letters {
    /// Those that a claim of a run makes; there is none yet.
    pub fn of(run: &Run) -> Self {
        Self {
            run_id: run.run_id.clone(),
            epoch: run.epoch,
            letters: Vec::new(),
            ids: HashSet::new(),
            inline: 0,
        }
    }

    /// The first of them.
    pub fn first(&self) -> Option<&DeadLetter> {
        self.letters.first()
    }

    /// Makes letters of bad records. Large bytes are stored at once, so that they are not held.
    pub async fn take(&mut self, lake: &dyn Lake, sender: &Sender, bad: Vec<BadRecord>) -> Result<(), Stop> {
        for record in bad {
            let letter =
                record.into_letter(&sender.source, &sender.run_id, sender.attempt, sender.schema_version);
            self.add(lake, letter).await?;
        }
        Ok(())
    }

    /// Adds one letter. An event that came twice is one letter.
    pub async fn add(&mut self, lake: &dyn Lake, mut letter: DeadLetter) -> Result<(), Stop> {
        if !self.ids.insert(letter.id.clone()) {
            return Ok(());
        }
        let size = letter.raw_base64.len();
        if size > MAX_INLINE_RAW || (size > 0 && self.inline + size > INLINE_BUDGET) {
            self.store_raw(lake, &mut letter).await?;
        } else {
            self.inline += size;
        }
        self.letters.push(letter);
        Ok(())
    }

    /// Stores the letters' JSON and gives them back for the registry.
    pub async fn store(self, lake: &dyn Lake) -> Result<Vec<DeadLetter>, Stop> {
        futures::stream::iter(&self.letters)
            .map(Ok)
            .try_for_each_concurrent(PUTS_AT_ONCE, |letter| store_json(lake, letter))
            .await?;
        Ok(self.letters)
    }

    async fn store_raw(&self, lake: &dyn Lake, letter: &mut DeadLetter) -> Result<(), Stop> {
        let sha256 = &letter.raw_sha256;
        let key = key::letter_raw(&letter.source, first_seen(letter), &self.run_id, self.epoch, sha256);
        lake.put(Bucket::DeadLetter, &key, std::mem::take(&mut letter.raw_base64).into()).await?;
        letter.raw_ref = key;
        Ok(())
    }
}

async fn store_json(lake: &dyn Lake, letter: &DeadLetter) -> Result<(), Stop> {
    let key = key::letter(&letter.source, first_seen(letter), &letter.id);
    let json = rfe_proto::json::to_value(letter).to_string();
    Ok(lake.put(Bucket::DeadLetter, &key, json.into()).await?)
}

fn first_seen(letter: &DeadLetter) -> jiff::Timestamp {
    letter.first_seen.as_ref().and_then(time::from_proto).unwrap_or_else(jiff::Timestamp::now)
}
