use super::*;
use crate::standin::{Directory, UserPool};
use clap::{Command, FromArgMatches};
use tokio::net::TcpListener;

fn parse(arguments: &[&str]) -> Token {
    let command = Token::augment_args(Command::new("token"));
    let matches = command.get_matches_from([&["token"], arguments].concat());
    Token::from_arg_matches(&matches).unwrap()
}

#[tokio::test]
async fn signs_in_and_reports_refusals() {
    let folder = tempfile::tempdir().unwrap();
    let pool = UserPool::open(Directory::demo(), "http://issuer", folder.path()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(pool.serve(listener));
    let id = parse(&["--user", "bob", "--endpoint", &endpoint]).sign_in().await.unwrap();
    assert_eq!(id.split('.').count(), 3);
    let access = parse(&["--user", "bob", "--use", "access", "--endpoint", &endpoint]);
    assert_ne!(access.sign_in().await.unwrap(), id);
    let wrong = parse(&["--user", "bob", "--password", "x", "--endpoint", &endpoint]);
    let error = wrong.sign_in().await.unwrap_err();
    assert_eq!(error.to_string(), "sign-in was refused: Incorrect username or password.");
    let file = parse(&["--user", "bob", "--endpoint", "ftp://localhost:1"]);
    assert!(matches!(file.sign_in().await, Err(SignInError::Endpoint)));
    let nobody = parse(&["--user", "bob", "--endpoint", "http://127.0.0.1:1"]);
    assert!(matches!(nobody.sign_in().await, Err(SignInError::Unreachable(_))));
}

#[test]
fn no_token_is_exit_code_1() {
    let code = parse(&["--user", "bob", "--endpoint", "http://127.0.0.1:1"]).run();
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(NO)));
}
