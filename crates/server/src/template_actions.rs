//! What operators do to versions of templates: one after the other, each stored before it counts.

use std::time::Duration;

use serde_json::json;
use tasker_core::Time;
use tasker_journal::{self as journal, Journal, Mark, Note};
use tasker_protocol::action::ActOnTemplate;
use tasker_protocol::api;
use tasker_protocol::error::{ErrorCode, ErrorDetail};
use tokio::sync::{mpsc, oneshot};

use crate::catalog::{Catalog, Place};
use crate::clock::Clock;

/// How many wait before whoever asks next is kept waiting.
const WAITING: usize = 64;

/// Between attempts to store one.
const RETRY: Duration = Duration::from_millis(500);

/// What an operator asks for, and who gets the answer.
pub struct Asked {
    /// Of which version.
    pub place: Place,
    /// What is asked for.
    pub asked: ActOnTemplate,
    /// The version as it is then.
    pub reply: oneshot::Sender<Result<api::Template, ErrorDetail>>,
}

/// Where operators ask, and the queue that [`carry_out`] takes from.
pub fn queue() -> (mpsc::Sender<Asked>, mpsc::Receiver<Asked>) {
    mpsc::channel(WAITING)
}

/// Carries out what comes, for as long as the engine's memory is of use: whoever stops asking does not undo it.
pub async fn carry_out(
    journal: &Journal,
    catalog: &Catalog,
    clock: &Clock,
    mut queue: mpsc::Receiver<Asked>,
) {
    while let Some(Asked {
        place,
        asked,
        reply,
    }) = queue.recv().await
    {
        let done = act(journal, catalog, clock, &place, asked).await;
        // Whoever asked may have gone.
        let _ = reply.send(done);
    }
}

async fn act(
    journal: &Journal,
    catalog: &Catalog,
    clock: &Clock,
    place: &Place,
    asked: ActOnTemplate,
) -> Result<api::Template, ErrorDetail> {
    let Time(at) = clock.now();
    let note = Note {
        at,
        by: asked.by,
        reason: asked.reason,
    };
    let action = asked.action;
    if let Some(mark) = catalog.decide(place, action, note)? {
        store(journal, place, &mark).await?;
        tracing::info!(
            namespace = place.namespace,
            name = place.name,
            version = place.version,
            ?action,
            "a version of a template is marked"
        );
        catalog.mark(place, mark);
    }
    catalog.shown(&place.namespace, &place.name, Some(&place.version))
}

/// Stores a mark, however long that takes: what an unanswered attempt has done is not known, and must not be in
/// the journal alone.
async fn store(journal: &Journal, place: &Place, mark: &Mark) -> Result<(), ErrorDetail> {
    let version = [&place.namespace, &place.name, &place.version].map(String::as_str);
    loop {
        let error = match journal.mark_template(version, mark).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        // A raised epoch fences the attempt that was under way; who was taken over ends before long.
        if !error.is_transient() && !matches!(error, journal::Error::Fenced { .. }) {
            return Err(ErrorDetail {
                code: ErrorCode::RecordRefused,
                message: format!("the version's mark cannot be stored: {error}"),
                details: json!(null),
            });
        }
        tracing::warn!("a mark of a template: {error}; trying again in {RETRY:?}");
        tokio::time::sleep(RETRY).await;
    }
}
