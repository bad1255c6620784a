//! Requests of HTTP/2, made like those of HTTP/1 before anyone reads them.

use ::http::{
    HeaderMap, HeaderValue, Uri,
    header::{COOKIE, HOST},
};

use super::RequestError;

/// Writes `:authority` as `Host`, where signatures look for it, unless both came; and joins the parts that
/// cookies may come in (RFC 9113 §8.3.1, §8.2.3): HTTP/1 has one line.
///
/// # Errors
/// [`RequestError::Headers`], as many as HTTP/1 refuses.
pub fn from_http2(uri: &Uri, headers: &mut HeaderMap) -> Result<(), RequestError> {
    if let Some(authority) = uri.authority().filter(|_| !headers.contains_key(HOST)) {
        let host = HeaderValue::from_str(authority.as_str());
        headers.insert(HOST, host.map_err(|_| RequestError::HostInvalid)?);
    }
    let several = headers.get_all(COOKIE).iter().nth(1).is_some();
    if several {
        let parts: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
        let joined = HeaderValue::from_bytes(&parts.join(&b"; "[..]));
        headers.insert(COOKIE, joined.map_err(|_| RequestError::Cookie)?);
    }
    if headers.len() > MAX_HEADERS {
        return Err(RequestError::Headers);
    }
    Ok(())
}

/// As many as the parser of HTTP/1 takes.
const MAX_HEADERS: usize = 100;

#[cfg(test)]
mod tests;
