//! What engines said of a request, for the decision log and the metrics.

use serde::Serialize;

/// What was heard of one request. Empty where IAM alone decides.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// What each engine said.
    pub engines: Vec<EngineVerdict>,
    /// What would have been decided otherwise, or the same.
    pub shadows: Vec<ShadowVerdict>,
}

/// What an engine said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EngineVerdict {
    /// `iam` or `cedar`.
    pub engine: &'static str,
    /// `enforce` or `shadow`.
    pub mode: &'static str,
    /// `allow`, `deny`, `no_opinion` or `error`.
    pub verdict: &'static str,
    /// The reason of a denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The policies and statements that decided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// How often, where single items are judged.
    pub count: u64,
}

/// What would have been decided with a shadow in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShadowVerdict {
    /// `engines`, were the shadow engines enforced, or `policies`, were `shadow_policies` in force.
    pub shadow: &'static str,
    /// Whether the answer would have been the same.
    pub agrees: bool,
    /// `allow`, `deny`, or `error` where it couldn't be decided.
    pub effect: &'static str,
    /// The reason of what it would have been.
    pub reason: &'static str,
    /// How often, where single items are judged.
    pub count: u64,
}

impl Heard {
    pub(super) fn engine(&mut self, verdict: EngineVerdict) {
        let (list, engine) = (&mut self.engines, (verdict.engine, verdict.verdict));
        let same = |known: &&mut EngineVerdict| {
            known.policies == verdict.policies && known.reason == verdict.reason
        };
        let alike = |known: &&mut EngineVerdict| (known.engine, known.verdict) == engine;
        let full = list.len() >= MOST;
        match list.iter_mut().filter(alike).find(|known| full || same(known)) {
            Some(known) => known.count += verdict.count,
            None => list.push(verdict),
        }
    }

    pub(super) fn shadow(&mut self, verdict: ShadowVerdict) {
        let same = |known: &&mut ShadowVerdict| {
            (known.shadow, known.agrees, known.effect, known.reason)
                == (verdict.shadow, verdict.agrees, verdict.effect, verdict.reason)
        };
        match self.shadows.iter_mut().find(same) {
            Some(known) => known.count += verdict.count,
            None => self.shadows.push(verdict),
        }
    }
}

/// Different verdicts of one request that are told apart; DeleteObjects may have a thousand.
const MOST: usize = 32;
