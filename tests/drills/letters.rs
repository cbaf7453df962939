//! Open dead letters, however many they are.

use std::collections::BTreeMap;

use rfe_proto::dlq::{DeadLetter, DeadLetterFilter, ListDeadLettersRequest};
use rfe_tests::Platform;

const PAGE: i32 = 1000;

/// The open letters of a source, by id.
///
/// # Panics
/// If they can't be listed.
pub async fn open(platform: &Platform, source: &str) -> BTreeMap<String, DeadLetter> {
    let filter =
        DeadLetterFilter { source: source.to_owned(), state: "open".to_owned(), ..Default::default() };
    let mut letters = BTreeMap::new();
    let mut page_token = String::new();
    loop {
        let request = ListDeadLettersRequest { filter: Some(filter.clone()), page_size: PAGE, page_token };
        let answer = platform.dlq_service().list_dead_letters(request).await.expect("letters are listed");
        let page = answer.into_inner();
        letters.extend(page.dead_letters.into_iter().map(|letter| (letter.id.clone(), letter)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return letters;
        }
    }
}
