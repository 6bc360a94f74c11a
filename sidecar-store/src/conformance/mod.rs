//! What every store must do, as tests for any store.
