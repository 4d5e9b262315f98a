//! What a task carries and the core does not read: its context, and the results and failures of its steps, as JSON text.
//!
//! A text is in memory or has left it; where its row has it is always known, and so is its length. So which results
//! travel with a dispatch is decided without them, and only those are needed.

use serde_json::value::RawValue;
use tasker_protocol::Json;

use crate::gateway::Texts;
use crate::{Record, StepIndex};

mod look;

pub use look::{Look, Page};

/// What a text takes besides its bytes, about.
const OVERHEAD: usize = 64;

/// The texts of one task.
#[derive(Clone, Debug)]
pub struct Payload {
    context: Option<Json>,
    /// For each step, what it has to show: its results or last failure.
    steps: Vec<Option<Shown>>,
}

/// What a step has to show.
#[derive(Clone, Debug)]
struct Shown {
    texts: Option<Texts>,
    place: Place,
}

/// Where the journal has the texts of a record: in a row of their task, one behind the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The row's number among those of its task, counted from 1; 0 while they are with no commit.
    pub row: u32,
    /// Bytes of the row before them.
    pub offset: u32,
    /// The lengths of the body, the metadata and the list of cursors; 0 of what there is not.
    pub lengths: [u32; 3],
}

/// A text of a task, or what belongs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// What the task works on.
    Context,
    /// What a step has to show.
    Step(StepIndex),
}

impl Place {
    /// That of the texts of a record, which are so long, behind `offset` bytes of a row's payload.
    pub fn of(row: u32, offset: usize, texts: impl IntoIterator<Item = usize>) -> Place {
        let mut lengths = [0; 3];
        for (length, text) in lengths.iter_mut().zip(texts) {
            *length = text as u32;
        }
        // A row's payload is far below 4 GiB.
        let offset = offset as u32;
        Place {
            row,
            offset,
            lengths,
        }
    }

    fn bytes(&self) -> usize {
        self.lengths.iter().map(|length| *length as usize).sum()
    }

    /// The texts, cut out of the payload of their row.
    fn cut<'a>(&self, payload: &'a str) -> Option<[&'a str; 3]> {
        let mut texts = [""; 3];
        let mut from = self.offset as usize;
        for (text, length) in texts.iter_mut().zip(self.lengths) {
            let end = from + length as usize;
            *text = payload.get(from..end)?;
            from = end;
        }
        Some(texts)
    }
}

impl Shown {
    fn body_length(&self) -> usize {
        match &self.texts {
            Some(texts) => texts.body.get().len(),
            None => self.place.lengths[0] as usize,
        }
    }

    /// Bytes in memory.
    fn bytes(&self) -> usize {
        self.texts.as_ref().map_or(0, bytes_of)
    }

    /// Bytes of texts, in memory or not.
    fn length(&self) -> usize {
        match &self.texts {
            Some(texts) if self.place.row == 0 => bytes_of(texts),
            _ => self.place.bytes(),
        }
    }
}

fn bytes_of(texts: &Texts) -> usize {
    let length = |json: &Json| json.get().len() + OVERHEAD;
    let cursors = texts.cursors.iter().flat_map(|cursors| cursors.iter());
    let metadata = texts.metadata.iter();
    length(&texts.body) + metadata.chain(cursors).map(length).sum::<usize>()
}

impl Payload {
    /// That of a task without outcomes.
    pub fn new(context: Json) -> Payload {
        Payload {
            context: Some(context),
            steps: Vec::new(),
        }
    }

    /// What the task works on, if it is in memory.
    pub fn context(&self) -> Option<&Json> {
        self.context.as_ref()
    }

    /// Keeps the texts of a record, if they are what its step has to show. Gives how many bytes there are now more or
    /// fewer in memory.
    pub fn keep(&mut self, record: &Record, texts: &Texts) -> isize {
        self.show(record, Some(texts.clone()), Place::default())
    }

    /// A commit has the texts of a record, at a place.
    pub fn commit(&mut self, record: &Record, place: Place) {
        if let (true, Some(step)) = (record.shows(), record.step())
            && let Some(Some(shown)) = self.steps.get_mut(step as usize)
        {
            shown.place = place;
        }
    }

    /// Keeps the texts of a stored record: as many as [`Record::texts`] says.
    ///
    /// # Errors
    /// One of them is not JSON.
    pub fn keep_stored(
        &mut self,
        record: &Record,
        texts: &[&str],
        place: Place,
    ) -> Result<(), serde_json::Error> {
        if record.shows()
            && let Some(texts) = read(texts)?
        {
            self.show(record, Some(texts), place);
        }
        Ok(())
    }

    /// Knows where the texts of a stored record are, without them.
    pub fn place(&mut self, record: &Record, place: Place) {
        self.show(record, None, place);
    }

    fn show(&mut self, record: &Record, texts: Option<Texts>, place: Place) -> isize {
        let (true, Some(step)) = (record.shows(), record.step()) else {
            return 0;
        };
        let step = step as usize;
        if self.steps.len() <= step {
            self.steps.reserve_exact(step + 1 - self.steps.len());
            self.steps.resize(step + 1, None);
        }
        let before = self.steps[step].as_ref().map_or(0, Shown::bytes);
        let shown = Shown { texts, place };
        let after = shown.bytes();
        self.steps[step] = Some(shown);
        after as isize - before as isize
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        let context = self.context.as_ref();
        let context = context.map_or(0, |context| context.get().len() + OVERHEAD);
        context + self.steps.iter().flatten().map(Shown::bytes).sum::<usize>()
    }

    /// Lets go of what is in the first `rows` rows, and of the context if `created`. Gives how many bytes that were.
    pub fn forget(&mut self, created: bool, rows: u32) -> usize {
        let mut forgotten = 0;
        if created && let Some(context) = self.context.take() {
            forgotten += context.get().len() + OVERHEAD;
        }
        for shown in self.steps.iter_mut().flatten() {
            if (1..=rows).contains(&shown.place.row) {
                forgotten += shown.bytes();
                shown.texts = None;
            }
        }
        forgotten
    }

    /// The row that has a text which is not in memory, 0 for the one of the task itself, and the text's bytes.
    pub fn absent(&self, slot: Slot) -> Option<(u32, usize)> {
        match slot {
            Slot::Context => self.context.is_none().then_some((0, 0)),
            Slot::Step(step) => {
                let shown = self.steps.get(step as usize)?.as_ref()?;
                let (row, bytes) = (shown.place.row, shown.place.bytes());
                shown.texts.is_none().then_some((row, bytes))
            }
        }
    }

    /// Takes a text from the row that has it, if it is still missing and still there. Gives how many bytes that are.
    ///
    /// # Errors
    /// It is not JSON, or the row is shorter than it was.
    pub fn fill(&mut self, slot: Slot, row: u32, text: &str) -> Result<usize, serde_json::Error> {
        if self.absent(slot).is_none_or(|(absent, _)| absent != row) {
            return Ok(0);
        }
        match slot {
            Slot::Context => {
                self.context = Some(json(text)?);
                Ok(text.len() + OVERHEAD)
            }
            Slot::Step(step) => {
                let Some(Some(shown)) = self.steps.get_mut(step as usize) else {
                    return Ok(0);
                };
                let texts = shown.place.cut(text).unwrap_or_default();
                let count = if shown.place.lengths[2] > 0 { 3 } else { 2 };
                shown.texts = read(&texts[..count])?;
                Ok(shown.bytes())
            }
        }
    }
}

/// Texts as a record's row has them.
fn read(texts: &[&str]) -> Result<Option<Texts>, serde_json::Error> {
    let [body, metadata, rest @ ..] = texts else {
        return Ok(None);
    };
    let cursors: Option<Vec<Box<RawValue>>> = rest
        .first()
        .map(|cursors| serde_json::from_str(cursors))
        .transpose()?;
    Ok(Some(Texts {
        body: json(body)?,
        metadata: match *metadata {
            "" => None,
            metadata => Some(json(metadata)?),
        },
        cursors: cursors.map(|cursors| cursors.into_iter().map(Json::from).collect()),
    }))
}

fn json(text: &str) -> Result<Json, serde_json::Error> {
    RawValue::from_string(text.to_owned()).map(Json::from)
}
