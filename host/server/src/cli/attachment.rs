//! `jackfield chat attach`, `attachments` and `attachment`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::client::{Client, Sent, path, with_query};
use super::failure::Failure;
use super::output::{Column, Output};

const ATTACHMENTS: &[Column] = &[
    ("MESSAGE", "/message"),
    ("AUTHOR", "/author"),
    ("ID", "/id"),
    ("NAME", "/name"),
    ("TYPE", "/media_type"),
    ("BYTES", "/size"),
    ("STATE", "/state"),
    ("PROBLEM", "/problem"),
    ("OPENED", "/opened_at"),
];

/// All messages of a conversation, oldest first.
pub(super) fn messages(client: &Client, interaction: &str) -> Result<Vec<Value>, Failure> {
    let at = path(&["interactions", interaction, "messages"]);
    let mut items = Vec::new();
    let mut after = String::from("0");
    loop {
        let query = [("after", after), ("limit", "200".to_owned())];
        let page = client.get(&with_query(&at, &query))?;
        items.extend(page["items"].as_array().into_iter().flatten().cloned());
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => return Ok(items),
        }
    }
}

/// The type that a file's ending stands for; the server looks at the bytes.
fn type_of(file: &Path) -> Result<&'static str, Failure> {
    let ending = file
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default();
    Ok(match ending.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" | "jfif" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        "txt" | "csv" | "log" | "md" => "text/plain",
        _ => {
            return Err(Failure::Usage(format!(
                "{}: expected a file that ends in jpg, png, gif, webp, pdf or txt; or say what it is by --type",
                file.display()
            )));
        }
    })
}

/// Uploads files and sends them with one message.
pub(super) fn attach(
    client: &Client,
    interaction: &str,
    files: &[PathBuf],
    media_type: Option<&str>,
    text: Option<String>,
) -> Result<Value, Failure> {
    let mut uploads = Vec::with_capacity(files.len());
    for file in files {
        let said = media_type.map_or_else(|| type_of(file), Ok)?;
        let bytes =
            std::fs::read(file).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
        uploads.push((file, said.to_owned(), bytes));
    }
    let mut ids = Vec::with_capacity(files.len());
    for (file, said, bytes) in uploads {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let to = with_query(
            &path(&["interactions", interaction, "attachments"]),
            &[("name", name)],
        );
        let kept = client.post(&to, Sent::File(bytes, said))?;
        ids.push(kept["id"].clone());
    }
    let body = json!({"text": text.unwrap_or_default(), "attachments": ids});
    client.post(
        &path(&["interactions", interaction, "messages"]),
        Sent::Json(body),
    )
}

fn attached(client: &Client, interaction: &str) -> Result<Vec<Value>, Failure> {
    let mut found = Vec::new();
    for message in messages(client, interaction)? {
        for attachment in message["attachments"].as_array().into_iter().flatten() {
            let mut attachment = attachment.clone();
            attachment["message"] = message["number"].clone();
            attachment["author"] = message["author"].clone();
            found.push(attachment);
        }
    }
    Ok(found)
}

/// Lists what came with the messages of a conversation.
pub(super) fn list(client: &Client, json: bool, out: &mut Output, interaction: &str) -> Result<(), Failure> {
    out.list(json, attached(client, interaction)?, ATTACHMENTS)
}

/// Saves an attachment, by default under its name, if there is no such file.
pub(super) fn fetch(
    client: &Client,
    json: bool,
    out: &mut Output,
    (interaction, attachment): (&str, &str),
    output: Option<PathBuf>,
) -> Result<(), Failure> {
    let to = match output {
        Some(to) => to,
        None => {
            let found = attached(client, interaction)?;
            let found = found.iter().find(|found| found["id"] == attachment);
            // The customer chose it: it may not lead out of this folder, nor take another file's place.
            let name = found.and_then(|found| Path::new(found["name"].as_str()?).file_name());
            let name = PathBuf::from(name.unwrap_or(attachment.as_ref()));
            if name.exists() {
                let name = name.display();
                return Err(Failure::Usage(format!(
                    "{name} is there already; say where to by --output FILE"
                )));
            }
            name
        }
    };
    let bytes = client.save(
        &path(&["interactions", interaction, "attachments", attachment]),
        &to,
    )?;
    let Some(bytes) = bytes else { return Ok(()) };
    let answer = json!({"file": to, "bytes": bytes});
    out.done(json, &answer, &format!("{}: {bytes} bytes", to.display()))
}
