//! The versions of one template: which of them new tasks take, and how operators have marked them.

use std::collections::BTreeMap;

use semver::Version;
use serde_json::json;
use tasker_core::{Time, view};
use tasker_journal::{Mark, Note};
use tasker_protocol::action::TemplateAction;
use tasker_protocol::api;
use tasker_protocol::error::{ErrorCode, ErrorDetail};

use super::detail;

/// The versions of one template.
#[derive(Debug, Default)]
pub struct Versions {
    by_version: BTreeMap<Version, Kept>,
    /// The default, if an operator has named one; it is not retired.
    named: Option<(Version, Note)>,
}

/// What is known of one version.
#[derive(Debug)]
pub struct Kept {
    /// As the API shows it, without its marks.
    pub shown: api::Template,
    /// Who retired it, if it is.
    pub retired: Option<Note>,
}

impl Versions {
    /// Adds a version, or gives it another content; whether it is retired stays.
    pub fn insert(&mut self, version: Version, shown: api::Template) {
        let retired = self.by_version.remove(&version);
        let retired = retired.and_then(|kept| kept.retired);
        self.by_version.insert(version, Kept { shown, retired });
    }

    /// A version.
    pub fn get(&self, version: &str) -> Option<&Kept> {
        self.by_version.get(&Version::parse(version).ok()?)
    }

    /// The version that a task takes whose creation names none: the one that an operator has named, or else the highest
    /// release that is not retired. A template without any release has its highest version instead.
    pub fn default(&self) -> Option<&Kept> {
        if let Some((named, _)) = &self.named {
            return self.by_version.get(named);
        }
        let mut highest_first = self.candidates().rev();
        let default = highest_first.find(|(_, kept)| kept.retired.is_none());
        default.map(|(_, kept)| kept)
    }

    /// The releases, retired or not; all versions where there is none.
    fn candidates(&self) -> impl DoubleEndedIterator<Item = (&Version, &Kept)> {
        let has_release = self.by_version.keys().any(is_release);
        let versions = self.by_version.iter();
        versions.filter(move |(version, _)| !has_release || is_release(version))
    }

    /// There is no default, since all are retired.
    pub fn without_default(&self, namespace: &str, name: &str) -> ErrorDetail {
        let retired = self.candidates().map(|(version, _)| version.to_string());
        let retired: Vec<String> = retired.collect();
        let message = format!(
            "every release of template {namespace}/{name} is retired: {}. Restore one, or register a new one",
            retired.join(", ")
        );
        let details = json!({"retired": null, "default": null});
        detail(ErrorCode::TemplateRetired, message, details)
    }

    /// The versions' names, for people.
    pub fn listed(&self) -> String {
        let listed: Vec<String> = self.by_version.keys().map(Version::to_string).collect();
        listed.join(", ")
    }

    /// Every version as the API shows it, in order.
    pub fn all(&self) -> impl Iterator<Item = api::Template> {
        let default = self.default();
        self.by_version
            .values()
            .map(move |kept| self.show_beside(kept, default))
    }

    /// One of the versions as the API shows it.
    pub fn show(&self, kept: &Kept) -> api::Template {
        self.show_beside(kept, self.default())
    }

    fn show_beside(&self, kept: &Kept, default: Option<&Kept>) -> api::Template {
        let named = self.named.as_ref();
        let named = named.filter(|(named, _)| named.to_string() == kept.shown.version);
        api::Template {
            default: default.is_some_and(|default| default.shown.version == kept.shown.version),
            named_default: named.map(|(_, note)| shown(note)),
            retired: kept.retired.as_ref().map(shown),
            ..kept.shown.clone()
        }
    }

    /// What is to be stored of an action on one of the versions; nothing where it is so already.
    pub fn decide(
        &self,
        kept: &Kept,
        action: TemplateAction,
        note: Note,
    ) -> Result<Option<Mark>, ErrorDetail> {
        let version = &kept.shown.version;
        let named = self.named.as_ref().map(|(named, _)| named.to_string());
        let is_named = named.as_ref() == Some(version);
        match (action, &kept.retired) {
            (TemplateAction::Retire, _) if is_named => Err(conflict(
                kept,
                "is the default that was named for it: name another version first, or clear the default",
                named,
            )),
            (TemplateAction::Retire, None) => Ok(Some(Mark::Retired(note))),
            (TemplateAction::Retire, Some(_)) | (TemplateAction::Restore, None) => Ok(None),
            (TemplateAction::Restore, Some(_)) => Ok(Some(Mark::Restored)),
            (TemplateAction::SetDefault, Some(retired)) => Err(self.retired(&kept.shown, retired)),
            (TemplateAction::SetDefault, None) if is_named => Ok(None),
            (TemplateAction::SetDefault, None) => Ok(Some(Mark::Default(note))),
            (TemplateAction::ClearDefault, _) => match &named {
                None => Ok(None),
                Some(_) if is_named => Ok(Some(Mark::NoDefault)),
                Some(other) => {
                    let what = format!("is not the default: {other} is, clear that");
                    Err(conflict(kept, &what, named))
                }
            },
        }
    }

    /// Marks a version.
    pub fn mark(&mut self, version: Version, mark: Mark) {
        match mark {
            Mark::Retired(note) => self.set_retired(&version, Some(note)),
            Mark::Restored => self.set_retired(&version, None),
            Mark::Default(note) => self.named = Some((version, note)),
            Mark::NoDefault => self.named = None,
        }
    }

    fn set_retired(&mut self, version: &Version, note: Option<Note>) {
        if let Some(kept) = self.by_version.get_mut(version) {
            kept.retired = note;
        }
    }

    /// A retired version is asked for.
    pub fn retired(&self, asked: &api::Template, note: &Note) -> ErrorDetail {
        let default = self.default().map(|kept| &kept.shown.version);
        let remedy = match default {
            Some(default) => format!("leave the version out to have {default}, or restore it"),
            None => "restore it".to_owned(),
        };
        let message = format!(
            "version {} of template {}/{} was retired by {}: {}; {remedy}",
            asked.version, asked.namespace, asked.name, note.by, note.reason
        );
        let details = json!({"retired": shown(note), "default": default});
        detail(ErrorCode::TemplateRetired, message, details)
    }
}

fn is_release(version: &Version) -> bool {
    version.pre.is_empty()
}

fn conflict(kept: &Kept, what: &str, default: Option<String>) -> ErrorDetail {
    let api::Template {
        namespace,
        name,
        version,
        ..
    } = &kept.shown;
    let message = format!("version {version} of template {namespace}/{name} {what}");
    detail(
        ErrorCode::TemplateStateConflict,
        message,
        json!({"default": default}),
    )
}

fn shown(note: &Note) -> api::TemplateNote {
    api::TemplateNote {
        at: view::rfc3339(Time(note.at)),
        by: note.by.clone(),
        reason: note.reason.clone(),
    }
}
