//! Questions that wait, are dropped, or take too long never allow.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use serde_json::json;
use tokio::time::{Instant, advance, sleep};

use super::fixture::{Ask, Rig, api, id_token, reads, reason};
use crate::{
    gate::{
        DECISION_DEADLINE, Denial, Login, Outcome, Permit, Refusal, Trail, Whole, decide::in_time,
    },
    token::{
        KeySource, KeyStore,
        testing::{self, Answer, FakeFetch},
    },
};

const URL: &str = "https://keys.example/jwks.json";

/// A gate whose user pool's keys are being fetched.
fn rig(answer: Answer) -> (Rig, KeyStore) {
    let store = KeyStore::new(FakeFetch::new(URL, answer));
    let keys = store.ensure(&KeySource::Url(URL.to_owned()), Duration::from_secs(3600));
    (Rig::on(keys, vec![api("api")], &reads()), store)
}

fn arriving() -> (Rig, KeyStore) {
    rig(Answer::Body(testing::pool_jwks().into_bytes()))
}

fn ask() -> Ask {
    Ask::get("/api/x").bearer(&id_token(&json!({})))
}

#[tokio::test(start_paused = true)]
async fn keys_that_arrive_meanwhile_decide() {
    let (rig, _store) = arriving();
    let decision = rig.gate().decide(ask().question(), &mut Whole::default(), Trail::Off).await;
    assert_eq!(reason(&decision), "+allowed_by_policy");
}

#[tokio::test(start_paused = true)]
async fn keys_that_never_arrive_deny_in_time() {
    let (rig, _store) = rig(Answer::Hangs);
    let started = Instant::now();
    let decision = rig.gate().decide(ask().question(), &mut Whole::default(), Trail::Off).await;
    let Outcome::Deny(denial) = &decision.outcome else { panic!("allowed") };
    assert_eq!((denial.reason, &denial.refusal), ("keys_unavailable", &Refusal::Unavailable));
    assert!(decision.route().is_some(), "the record still says which route it was");
    assert!(started.elapsed() <= DECISION_DEADLINE, "{:?}", started.elapsed());
}

/// Polls by hand and drops the future after every number of polls that leaves it waiting.
#[tokio::test(start_paused = true)]
async fn a_question_dropped_at_any_await_leaves_nothing_behind() {
    let mut waits = 0;
    loop {
        let (rig, _store) = arriving();
        let mut done = None;
        {
            let gate = rig.gate();
            let mut body = Whole::default();
            let mut deciding = pin!(gate.decide(ask().question(), &mut body, Trail::Off));
            let mut cx = Context::from_waker(Waker::noop());
            for _ in 0..=waits {
                if let Poll::Ready(decision) = deciding.as_mut().poll(&mut cx) {
                    done = Some(decision);
                    break;
                }
                // Lets the fetch make progress, a step at a time.
                advance(Duration::from_millis(10)).await;
                tokio::task::yield_now().await;
            }
        }
        match done {
            Some(decision) => {
                assert_eq!(reason(&decision), "+allowed_by_policy");
                assert_eq!(rig.rules.sessions.count(), 1);
                break;
            }
            None => {
                assert_eq!(rig.rules.sessions.count(), 0, "after {waits} polls");
                assert_eq!(rig.tokens.bytes(), 0, "after {waits} polls");
            }
        }
        waits += 1;
        assert!(waits < 100, "never decided");
    }
    assert!(waits >= 1, "the question never waited, so that nothing was tested");
}

#[tokio::test(start_paused = true)]
async fn what_takes_longer_than_the_deadline_is_denied() {
    let forever = std::future::pending::<Result<Permit, Denial>>();
    let started = Instant::now();
    let denial = in_time(forever).await.unwrap_err();
    assert_eq!((denial.reason, denial.refusal), ("decision_timeout", Refusal::Unavailable));
    assert_eq!(started.elapsed(), DECISION_DEADLINE);
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_comes_too_late_is_dropped() {
    for (takes, allowed) in [
        (DECISION_DEADLINE - Duration::from_millis(10), true),
        (DECISION_DEADLINE + Duration::from_millis(10), false),
    ] {
        let (rig, _store) = arriving();
        let made = Arc::new(AtomicBool::new(false));
        let stages = async {
            sleep(takes).await;
            let decision =
                rig.gate().decide(ask().question(), &mut Whole::default(), Trail::Off).await;
            let Outcome::Allow(permit) = decision.outcome else { panic!("denied") };
            made.store(true, Ordering::SeqCst);
            Ok(*permit)
        };
        // The keys are there by then, so that only the sleep takes time.
        sleep(Duration::from_millis(100)).await;
        let decided = in_time(stages).await;
        assert_eq!(decided.is_ok(), allowed, "{takes:?}");
        assert_eq!(made.load(Ordering::SeqCst), allowed, "{takes:?}");
    }
}

#[test]
fn whether_a_signature_was_looked_at_is_told() {
    let rig = Rig::new(vec![api("api")]);
    let anew = |ask: Ask| rig.decide(ask).verified_anew;
    assert!(anew(ask()));
    assert!(!anew(ask()), "it is known");
    assert!(!anew(Ask::get("/api/x")));
    let forged = format!("{}A", id_token(&json!({ "jti": "forged" })));
    assert!(anew(Ask::get("/api/x").bearer(&forged)), "refused, and not for nothing");
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_key_with_one_token_verify_it_once() {
    let (rig, _store) = arriving();
    let gate = rig.gate();
    let (mut one, mut other) = (Whole::default(), Whole::default());
    let (one, other) = tokio::join!(
        gate.decide(ask().question(), &mut one, Trail::Off),
        gate.decide(ask().question(), &mut other, Trail::Off),
    );
    let (Login::Token(one), Login::Token(other)) = (&one.login, &other.login) else {
        panic!("{one:?} {other:?}")
    };
    assert!(Arc::ptr_eq(one, other));
}
