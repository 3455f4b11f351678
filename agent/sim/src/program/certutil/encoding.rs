//! `-encode` and `-decode`: bytes as text and back, which is how bytes travel through a shell.

use super::super::{Call, Step};
use super::{Arguments, INVALID_ARGUMENT, der_of, fail, pem, well};

const FILE_NOT_FOUND: u32 = 0x8007_0002;
/// `ERROR_FILE_EXISTS` as an HRESULT.
const EXISTS: u32 = 0x8007_0050;

pub(super) fn encode(call: &mut Call<'_, '_>, arguments: &Arguments) -> Option<Step> {
    convert(call, arguments, |bytes| pem("CERTIFICATE", bytes).into_bytes())
}

pub(super) fn decode(call: &mut Call<'_, '_>, arguments: &Arguments) -> Option<Step> {
    convert(call, arguments, der_of)
}

fn convert(call: &mut Call<'_, '_>, arguments: &Arguments, act: fn(&[u8]) -> Vec<u8>) -> Option<Step> {
    let [source, target] = arguments.rest.as_slice() else {
        return fail(call, arguments, INVALID_ARGUMENT, "The parameter is incorrect.");
    };
    let (path, to) = (call.path(source), call.path(target));
    let Ok(bytes) = call.files()?.read(&path) else {
        return fail(call, arguments, FILE_NOT_FOUND, "The system cannot find the file specified.");
    };
    if !arguments.forced && call.files()?.file(&to).is_some() {
        return fail(call, arguments, EXISTS, "The file exists.");
    }
    let converted = act(&bytes);
    call.say(&format!("Input Length = {}\r\nOutput Length = {}", bytes.len(), converted.len()));
    if let Err(error) = call.write_file(target, converted)? {
        let code = 0x8007_0000 | error.code();
        return fail(call, arguments, code, &error.to_string());
    }
    well(call, arguments)
}
