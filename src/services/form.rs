//! Forms (`application/x-www-form-urlencoded`), as bodies and as queries.

/// Why a form can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Not percent-encoded UTF-8.
    #[error("a name or value is not percent-encoded UTF-8")]
    Encoding,
    /// One name twice, of which only one could be meant.
    #[error("a parameter is there more than once")]
    Repeated,
    /// More than there may be.
    #[error("there are too many parameters")]
    TooMany,
}

/// Names and values, decoded, each name once.
///
/// # Errors
/// [`FormError`].
pub fn form(text: &str) -> Result<Vec<(String, String)>, FormError> {
    form_of(text, MAX_PARAMETERS)
}

/// The same of a form that may have `most` parameters.
///
/// # Errors
/// [`FormError`].
pub fn form_of(text: &str, most: usize) -> Result<Vec<(String, String)>, FormError> {
    let mut parameters: Vec<(String, String)> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if parameters.iter().any(|(known, _)| *known == name) {
            return Err(FormError::Repeated);
        }
        if parameters.len() == most {
            return Err(FormError::TooMany);
        }
        parameters.push((name, value));
    }
    Ok(parameters)
}

fn decode(text: &str) -> Result<String, FormError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                let (high, low) = (digit(), digit());
                let value =
                    high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                value.ok_or(FormError::Encoding)?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| FormError::Encoding)
}

/// Most parameters of a form, where nothing else is said.
pub const MAX_PARAMETERS: usize = 64;

#[cfg(test)]
mod tests;
