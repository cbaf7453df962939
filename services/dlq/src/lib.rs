//! Dead letters: list, show, replay, discard
