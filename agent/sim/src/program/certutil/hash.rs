//! `-hashfile`.

use ring::digest;

use super::super::{Call, Step};
use super::{Arguments, INVALID_ARGUMENT, fail, well};
use crate::file_tree::Content;
use crate::host::disk::File;
use crate::windows::certificate_store::hex;

const FILE_NOT_FOUND: u32 = 0x8007_0002;

pub(super) fn run(call: &mut Call<'_, '_>, arguments: &Arguments) -> Option<Step> {
    let [name, rest @ ..] = arguments.rest.as_slice() else {
        return fail(call, arguments, INVALID_ARGUMENT, "The parameter is incorrect.");
    };
    let wanted = rest.first().map_or("SHA1", String::as_str).to_ascii_uppercase();
    let algorithm = match wanted.as_str() {
        "SHA1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "SHA256" => &digest::SHA256,
        "SHA384" => &digest::SHA384,
        "SHA512" => &digest::SHA512,
        _ => return fail(call, arguments, 0x8009_0008, "Invalid algorithm specified."),
    };
    let path = call.path(name);
    let Some(file) = call.files()?.file(&path).cloned() else {
        return fail(call, arguments, FILE_NOT_FOUND, "The system cannot find the file specified.");
    };
    let hash = call.stated(&file).filter(|_| wanted == "SHA256").unwrap_or_else(|| hash(algorithm, &file));
    call.say(&format!("{wanted} hash of {path}:"));
    call.say(&hash);
    well(call, arguments)
}

impl Call<'_, '_> {
    /// What the world states of a file that has come whole.
    fn stated(&self, file: &File) -> Option<String> {
        let Content::Published(url) = &file.content else { return None };
        let source = self.desk.world.outside.sources.iter().find(|source| source.url == *url)?;
        source.sha256.clone().filter(|_| source.bytes() == file.bytes).map(|hash| hash.to_ascii_lowercase())
    }
}

fn hash(algorithm: &'static digest::Algorithm, file: &File) -> String {
    let digest = match &file.content {
        Content::Bytes(bytes) => digest::digest(algorithm, bytes),
        // Nobody states the bytes: what the file is stands for them, so that equal files have equal hashes.
        Content::Published(url) => digest::digest(algorithm, format!("{url} {}", file.bytes).as_bytes()),
        Content::Opaque => {
            let id = file.disk.as_ref().map_or(file.path.as_str(), |disk| disk.id.as_str());
            digest::digest(algorithm, format!("{id} {}", file.bytes).as_bytes())
        }
    };
    hex(digest.as_ref()).to_ascii_lowercase()
}
