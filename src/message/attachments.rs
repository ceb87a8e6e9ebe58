//! What is attached, by name and by its first bytes. Nothing is opened.

use mail_parser::{MessagePart, MimeHeaders, PartType};

use super::{Attachment, FileKind};

/// Longest file name kept, in characters.
const MAX_NAME: usize = 200;

/// Describes a part as a file.
pub(super) fn describe(part: &MessagePart<'_>) -> Attachment {
    let name = clean_name(part.attachment_name().unwrap_or_default());
    let declared = part.content_type().map_or_else(String::new, |c| {
        format!("{}/{}", c.ctype(), c.subtype().unwrap_or("*")).to_ascii_lowercase()
    });
    let bytes = part.contents();
    let inline = matches!(part.body, PartType::InlineBinary(_)) || part.content_id().is_some();
    Attachment {
        kind: kind(&name, &declared, bytes),
        size: bytes.len(),
        encrypted: is_encrypted_zip(bytes),
        inline,
        declared,
        name,
    }
}

/// The last part of a path, without control and direction characters.
fn clean_name(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let strange = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    base.chars().filter(|c| !strange(*c)).take(MAX_NAME).collect()
}

/// The most dangerous of what name, bytes and declaration say.
pub(super) fn kind(name: &str, declared: &str, bytes: &[u8]) -> FileKind {
    let by_name = by_extension(name);
    let by_bytes = by_magic(bytes);
    let by_type = by_declaration(declared);
    let all = [by_name, by_bytes, by_type];
    let danger = [FileKind::Executable, FileKind::OfficeMacro, FileKind::Html];
    for kind in danger {
        if all.contains(&Some(kind)) {
            return kind;
        }
    }
    // Office documents are archives by their bytes; the name tells.
    match (by_name, by_bytes) {
        (Some(FileKind::Office), _) => FileKind::Office,
        (_, Some(kind)) => kind,
        (Some(kind), None) => kind,
        _ => by_type.unwrap_or(FileKind::Other),
    }
}

fn by_extension(name: &str) -> Option<FileKind> {
    let end = name.trim_end_matches(['.', ' ']).rsplit_once('.')?.1.to_ascii_lowercase();
    Some(match end.as_str() {
        "exe" | "scr" | "com" | "pif" | "bat" | "cmd" | "js" | "jse" | "vbs" | "vbe" | "wsf" | "wsh"
        | "hta" | "lnk" | "msi" | "jar" | "ps1" | "cpl" | "reg" | "iso" | "img" | "vhd" | "vhdx" | "apk"
        | "dll" | "chm" | "url" | "one" | "appx" | "dmg" | "pkg" | "app" | "xll" | "sct" | "library-ms" => {
            FileKind::Executable
        }
        "htm" | "html" | "shtml" | "xhtml" | "xht" | "mht" | "mhtml" | "svg" => FileKind::Html,
        "zip" | "rar" | "7z" | "gz" | "tar" | "tgz" | "bz2" | "xz" | "ace" | "arj" | "cab" | "lzh" | "z" => {
            FileKind::Archive
        }
        "docm" | "xlsm" | "pptm" | "dotm" | "xltm" | "xlsb" | "xlam" | "ppam" => FileKind::OfficeMacro,
        "doc" | "docx" | "xls" | "xlsx" | "ppt" | "pptx" | "odt" | "ods" | "odp" | "rtf" => FileKind::Office,
        "pdf" => FileKind::Pdf,
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "bmp" | "tif" | "tiff" | "heic" => FileKind::Image,
        "ics" | "vcs" => FileKind::Calendar,
        "vcf" => FileKind::Contact,
        "eml" | "msg" => FileKind::Mail,
        "txt" | "csv" | "log" | "md" => FileKind::Text,
        "mp3" | "wav" | "m4a" | "ogg" | "mp4" | "mov" | "avi" | "amr" => FileKind::Media,
        "asc" | "sig" | "p7s" | "p7m" | "pgp" => FileKind::Signature,
        _ => return None,
    })
}

fn by_magic(bytes: &[u8]) -> Option<FileKind> {
    if bytes.starts_with(b"MZ") || bytes.starts_with(b"\x4c\0\0\0\x01\x14\x02\0") {
        return Some(FileKind::Executable);
    }
    let head = bytes.get(..512.min(bytes.len())).unwrap_or_default().to_ascii_lowercase();
    let text = head.trim_ascii_start();
    if text.starts_with(b"<!doctype html") || text.starts_with(b"<html") || text.starts_with(b"<script") {
        return Some(FileKind::Html);
    }
    let found = infer::get(bytes)?;
    Some(match found.matcher_type() {
        infer::MatcherType::App => FileKind::Executable,
        infer::MatcherType::Archive if found.mime_type() == "application/pdf" => FileKind::Pdf,
        infer::MatcherType::Archive => FileKind::Archive,
        infer::MatcherType::Image => FileKind::Image,
        infer::MatcherType::Audio | infer::MatcherType::Video => FileKind::Media,
        infer::MatcherType::Doc => FileKind::Office,
        infer::MatcherType::Text => FileKind::Html,
        _ => return None,
    })
}

fn by_declaration(declared: &str) -> Option<FileKind> {
    Some(match declared {
        "application/pdf" => FileKind::Pdf,
        "text/html" | "application/xhtml+xml" => FileKind::Html,
        "text/calendar" => FileKind::Calendar,
        "text/vcard" | "text/x-vcard" => FileKind::Contact,
        "message/rfc822" => FileKind::Mail,
        "application/pgp-signature" | "application/pkcs7-signature" | "application/x-pkcs7-signature" => {
            FileKind::Signature
        }
        "application/x-msdownload"
        | "application/x-dosexec"
        | "application/hta"
        | "application/javascript" => FileKind::Executable,
        "application/zip" | "application/x-rar-compressed" | "application/x-7z-compressed" => {
            FileKind::Archive
        }
        _ if declared.starts_with("image/") => FileKind::Image,
        _ if declared.starts_with("audio/") || declared.starts_with("video/") => FileKind::Media,
        _ if declared.starts_with("text/") => FileKind::Text,
        _ => return None,
    })
}

/// The first entry's general-purpose flag has the encryption bit (APPNOTE 4.4.4).
fn is_encrypted_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") && bytes.get(6).is_some_and(|flags| flags & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        for (name, bytes, expected) in [
            ("invoice.pdf.exe", &b"x"[..], FileKind::Executable),
            ("invoice.pdf", b"MZ\x90", FileKind::Executable),
            ("notice.htm", b"", FileKind::Html),
            ("notice.bin", b"  <!DOCTYPE html><p>", FileKind::Html),
            ("a.docx", b"PK\x03\x04\0\0\0\0", FileKind::Office),
            ("a.docm", b"PK\x03\x04\0\0\0\0", FileKind::OfficeMacro),
            ("a.zip", b"PK\x03\x04\0\0\0\0", FileKind::Archive),
            ("scan", b"%PDF-1.7", FileKind::Pdf),
            ("photo.jpg", b"\xff\xd8\xff\xe0", FileKind::Image),
            ("x", b"", FileKind::Other),
        ] {
            assert_eq!(kind(name, "", bytes), expected, "{name}");
        }
        assert!(is_encrypted_zip(b"PK\x03\x04\x14\0\x01\0") && !is_encrypted_zip(b"PK\x03\x04\x14\0\0\0"));
        assert_eq!(clean_name("../../a\u{202e}b\r\n.txt"), "ab.txt");
    }
}
