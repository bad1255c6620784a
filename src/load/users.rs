//! Who asks: distinct users, each with a token or with credentials of their own.

use std::{path::Path, sync::Arc};

use http::HeaderValue;
use tokio::task::JoinSet;

use super::{
    LoadError,
    client::Endpoint,
    cognito::{self, Tokens},
};
use crate::sigv4::Signer;

/// How a user's requests say who asks.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Not at all.
    Nobody,
    /// With this `Authorization`.
    Bearer(HeaderValue),
    /// With a signature.
    Signed(Box<Signer>),
}

impl Caller {
    /// A caller with a token.
    fn bearer(token: &str) -> Result<Self, LoadError> {
        let mut value =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| LoadError::Token)?;
        value.set_sensitive(true);
        Ok(Self::Bearer(value))
    }
}

/// Where users come from.
pub enum Source {
    /// Tokens that somebody has.
    Tokens(Vec<String>),
    /// Sign-in at a user pool.
    SignIn {
        /// The user pool.
        endpoint: Box<Endpoint>,
        /// Its app client, without a secret.
        client: String,
        /// Names and passwords.
        people: Vec<(String, String)>,
        /// Whether the access token is presented, and not the ID token.
        access: bool,
    },
}

/// An identity pool that gives credentials to users.
#[derive(Clone, Debug)]
pub struct IdentityPool {
    /// Where it is asked.
    pub endpoint: Endpoint,
    /// Its id.
    pub id: String,
}

/// What requests are signed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The region.
    pub region: String,
    /// The service's name in credential scopes.
    pub service: String,
}

impl Scope {
    /// Reads `REGION/SERVICE`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let word = |text: &str| {
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            !text.is_empty() && text.bytes().all(fits)
        };
        match text.split_once('/') {
            Some((region, service)) if word(region) && word(service) => {
                Ok(Self { region: region.to_owned(), service: service.to_owned() })
            }
            _ => {
                Err("must be REGION/SERVICE in lower case, such as us-east-1/execute-api"
                    .to_owned())
            }
        }
    }

    /// Somebody who signs for it with these keys.
    pub fn caller(&self, [id, secret, token]: [&str; 3]) -> Caller {
        let token = Some(token).filter(|token| !token.is_empty());
        self.signed(Signer::new(id, secret, token, &self.region))
    }

    fn signed(&self, signer: Signer) -> Caller {
        Caller::Signed(Box::new(signer.of_service(self.service.clone())))
    }
}

/// Signs everybody in and gets credentials for them, several at a time; `done` is told how many are.
///
/// # Errors
/// The first that fails, with the user's number; what it says has no secret in it.
pub async fn callers(
    source: Source,
    pool: Option<(IdentityPool, Scope)>,
    mut done: impl FnMut(usize),
) -> Result<Vec<Caller>, LoadError> {
    let count = match &source {
        Source::Tokens(tokens) => tokens.len(),
        Source::SignIn { people, .. } => people.len(),
    };
    let shared = Arc::new((source, pool));
    let mut callers = vec![Caller::Nobody; count];
    let mut tasks = JoinSet::new();
    let mut next = 0;
    for finished in 0..count {
        while tasks.len() < AT_ONCE && next < count {
            let (shared, index) = (Arc::clone(&shared), next);
            tasks.spawn(async move {
                let caller = caller(&shared.0, shared.1.as_ref(), index).await;
                caller
                    .map(|caller| (index, caller))
                    .map_err(|error| LoadError::User { number: index + 1, source: Box::new(error) })
            });
            next += 1;
        }
        let Some(Ok(result)) = tasks.join_next().await else { break };
        let (index, caller) = result?;
        if let Some(slot) = callers.get_mut(index) {
            *slot = caller;
        }
        done(finished + 1);
    }
    Ok(callers)
}

async fn caller(
    source: &Source,
    pool: Option<&(IdentityPool, Scope)>,
    index: usize,
) -> Result<Caller, LoadError> {
    let token = match source {
        Source::Tokens(tokens) => tokens.get(index).cloned().unwrap_or_default(),
        Source::SignIn { endpoint, client, people, access } => {
            let (name, password) = people.get(index).ok_or(LoadError::Token)?;
            let Tokens { id, access: token } =
                cognito::sign_in(endpoint, client, name, password).await?;
            if *access { token } else { id }
        }
    };
    match pool {
        None => Caller::bearer(&token),
        Some((IdentityPool { endpoint, id }, scope)) => {
            cognito::credentials(endpoint, id, &token, &scope.region)
                .await
                .map(|signer| scope.signed(signer))
        }
    }
}

/// Reads a file of tokens, one a line.
///
/// # Errors
/// [`LoadError::File`] if it can't be read, [`LoadError::Line`] for a line that is no token.
pub fn read_tokens(path: &Path, most: Option<usize>) -> Result<Vec<String>, LoadError> {
    read_lines(path, most, "a token", |line| {
        line.bytes().all(|b| b.is_ascii_graphic()).then(|| line.to_owned())
    })
}

/// Reads a file of users, `NAME:PASSWORD` a line.
///
/// # Errors
/// As [`read_tokens`].
pub fn read_people(path: &Path, most: Option<usize>) -> Result<Vec<(String, String)>, LoadError> {
    read_lines(path, most, "NAME:PASSWORD", |line| {
        let (name, password) = line.split_once(':')?;
        let whole = !name.is_empty() && !password.is_empty();
        whole.then(|| (name.to_owned(), password.to_owned()))
    })
}

/// Reads a file of AWS credentials: access key id, secret access key and, if there is one, session
/// token, with blanks between them, a line.
///
/// # Errors
/// As [`read_tokens`].
pub fn read_keys(
    path: &Path,
    most: Option<usize>,
    scope: &Scope,
) -> Result<Vec<Caller>, LoadError> {
    let what = "an access key id, a secret access key and perhaps a session token";
    read_lines(path, most, what, |line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [id, secret] => Some(scope.caller([id, secret, ""])),
            [id, secret, token] => Some(scope.caller([id, secret, token])),
            _ => None,
        }
    })
}

/// The first `most` lines of a file that aren't empty, all of which must be there.
fn read_lines<T>(
    path: &Path,
    most: Option<usize>,
    what: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, LoadError> {
    let file = path.to_owned();
    let text = match std::fs::metadata(path) {
        Ok(found) if found.len() > MAX_FILE => Err(std::io::Error::other("larger than 1 GiB")),
        _ => std::fs::read_to_string(path),
    };
    let text = text.map_err(|source| LoadError::File { file: file.clone(), source })?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let lines = lines.take(most.unwrap_or(MAX_USERS)).map(|(index, line)| {
        let line_number = index + 1;
        read(line.trim_end_matches('\r')).ok_or_else(|| LoadError::Line {
            file: file.clone(),
            line: line_number,
            what,
        })
    });
    let all: Vec<T> = lines.collect::<Result<_, _>>()?;
    match all.len() {
        found if found == 0 || most.is_some_and(|most| found < most) => {
            Err(LoadError::TooFew { file, found, wanted: most.unwrap_or(1) })
        }
        _ => Ok(all),
    }
}

/// Users that are signed in at the same time.
const AT_ONCE: usize = 8;
/// Users of a run.
pub const MAX_USERS: usize = 1_000_000;
const MAX_FILE: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_users_are_read_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = |text: &str| {
            let path = folder.path().join("users");
            std::fs::write(&path, text).unwrap();
            path
        };
        let tokens = file("a.b.c\r\n\nd.e.f\n");
        assert_eq!(read_tokens(&tokens, None).unwrap(), ["a.b.c", "d.e.f"]);
        assert_eq!(read_tokens(&tokens, Some(1)).unwrap(), ["a.b.c"]);
        let error = read_tokens(&tokens, Some(3)).unwrap_err().to_string();
        assert!(error.ends_with("has 2 users, and 3 are asked for"), "{error}");
        let error = read_tokens(&file("a.b.c\nse cret\n"), None).unwrap_err().to_string();
        assert!(error.ends_with("users:2: must be a token"), "{error}");
        let people = read_people(&file("eve@example.com:pass:word 1\n"), None).unwrap();
        assert_eq!(people, [("eve@example.com".to_owned(), "pass:word 1".to_owned())]);
        let error = read_people(&file("secret\n"), None).unwrap_err().to_string();
        assert!(error.ends_with("users:1: must be NAME:PASSWORD"), "{error}");
        let scope = Scope::parse("us-east-1/s3").unwrap();
        let keys = read_keys(&file("AKIA\tsecret\ttoken\nAKIB secret\n"), None, &scope).unwrap();
        assert_eq!(keys.len(), 2);
        assert!(!format!("{keys:?}").contains("secret"));
        assert!(read_tokens(&file(""), None).is_err());
        assert!(matches!(read_tokens(Path::new("/none"), None), Err(LoadError::File { .. })));
        assert!(Scope::parse("us-east-1").is_err() && Scope::parse("a/b/c").is_err());
        assert!(!format!("{:?}", Caller::bearer("secret").unwrap()).contains("secret"));
    }
}
