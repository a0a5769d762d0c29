//! The full-text index of one tenant: a copy, made of the store and thrown away whenever it does not fit it.

use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jackfield_contact::decision::KnowledgeKind;
use jackfield_types::{QueueId, Timestamp, limits};
use tantivy::collector::TopDocs;
use tantivy::query::{
    BooleanQuery, BoostQuery, ConstScoreQuery, EmptyQuery, FuzzyTermQuery, Occur, Query, RangeQuery,
    TermQuery,
};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
    Value as _,
};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, Term};

use super::article::{Audience, kind_name};
use super::words::{self, Characters};

/// Part of the folder's name; another one when what is indexed, or how texts are cut, has changed.
const FORM: &str = "1";
/// Memory of a writer, which lives as long as a batch.
const WRITER_BYTES: usize = 20_000_000;
/// What stands for "in all conversations" among queues.
const EVERY_QUEUE: &str = "*";

/// What is indexed of an entry.
pub(super) struct Indexed {
    pub(super) id: String,
    pub(super) kind: KnowledgeKind,
    pub(super) title: Arc<str>,
    pub(super) body: Arc<str>,
    pub(super) keywords: Vec<Arc<str>>,
    pub(super) language: Arc<str>,
    pub(super) category: Option<Arc<str>>,
    pub(super) audience: Vec<Audience>,
    pub(super) queues: Vec<QueueId>,
    pub(super) valid_from: u64,
    pub(super) valid_until: u64,
}

/// What is looked for.
pub(super) struct Wanted {
    pub(super) text: Arc<str>,
    pub(super) audience: Audience,
    pub(super) queues: Option<Vec<QueueId>>,
    pub(super) language: Option<Arc<str>>,
    pub(super) category: Option<Arc<str>>,
    pub(super) kind: Option<KnowledgeKind>,
    pub(super) now: Timestamp,
    pub(super) limit: usize,
}

/// What the words of a query were taken for, to mark them in what was found.
#[derive(Debug, Clone, Default)]
pub(super) struct Meant {
    /// Words as they are indexed.
    pub(super) words: Vec<String>,
    /// Words that nothing has: what is nearly the same counts, up to so many letters.
    pub(super) nearly: Vec<(String, u8)>,
    /// Chinese characters of words that nothing has.
    pub(super) characters: Vec<char>,
}

#[derive(Clone, Copy)]
struct Fields {
    id: Field,
    kind: Field,
    title: Field,
    body: Field,
    keywords: Field,
    /// Single Chinese characters of title and keywords: what is left when a word is misspelt.
    characters: Field,
    language: Field,
    category: Field,
    audience: Field,
    queue: Field,
    valid_from: Field,
    valid_until: Field,
}

/// An index that is open.
#[derive(Clone)]
pub(super) struct Index {
    index: tantivy::Index,
    reader: IndexReader,
    fields: Fields,
}

/// Documents on their way into an index.
pub(super) struct Batch {
    writer: IndexWriter,
    fields: Fields,
}

/// Where a tenant's index lies.
pub(super) fn folder(root: &Path, tenant: &str) -> PathBuf {
    root.join(format!("{tenant}-{FORM}"))
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let text = |tokenizer: &str| {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(tokenizer)
            .set_index_option(IndexRecordOption::WithFreqs);
        TextOptions::default().set_indexing_options(indexing)
    };
    let fields = Fields {
        id: schema.add_text_field("id", STRING | STORED),
        kind: schema.add_text_field("kind", STRING),
        title: schema.add_text_field("title", text("words")),
        body: schema.add_text_field("body", text("words")),
        keywords: schema.add_text_field("keywords", text("words")),
        characters: schema.add_text_field("characters", text("characters")),
        language: schema.add_text_field("language", STRING),
        category: schema.add_text_field("category", STRING),
        audience: schema.add_text_field("audience", STRING),
        queue: schema.add_text_field("queue", STRING),
        valid_from: schema.add_u64_field("valid-from", INDEXED | FAST),
        valid_until: schema.add_u64_field("valid-until", INDEXED | FAST),
    };
    (schema.build(), fields)
}

impl Index {
    /// Opens what lies in a folder; makes an empty one in place of what is damaged, and when there is none.
    pub(super) fn open(folder: &Path) -> tantivy::Result<Self> {
        let whole =
            |index: &tantivy::Index| index.validate_checksum().is_ok_and(|damaged| damaged.is_empty());
        let found = folder.is_dir().then(|| tantivy::Index::open_in_dir(folder));
        let (schema, fields) = schema();
        let index = match found {
            Some(Ok(index)) if index.schema() == schema && whole(&index) => index,
            other => {
                if other.is_some() {
                    tracing::warn!(folder = %folder.display(), "a full-text index is damaged, and is made anew");
                    std::fs::remove_dir_all(folder)?;
                }
                std::fs::create_dir_all(folder)?;
                tantivy::Index::create_in_dir(folder, schema)?
            }
        };
        index.tokenizers().register("words", words::analyzer());
        index
            .tokenizers()
            .register("characters", TextAnalyzer::from(Characters));
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        Ok(Self {
            index,
            reader,
            fields,
        })
    }

    /// What the last batch left: up to which change of the store it goes.
    pub(super) fn mark(&self) -> Option<String> {
        self.index.load_metas().ok()?.payload
    }

    pub(super) fn batch(&self) -> tantivy::Result<Batch> {
        Ok(Batch {
            writer: self.index.writer_with_num_threads(1, WRITER_BYTES)?,
            fields: self.fields,
        })
    }

    /// Shows what the last batch brought.
    pub(super) fn reload(&self) -> tantivy::Result<()> {
        self.reader.reload()
    }

    /// The ids that fit, best first; of equally good ones, the lower id first.
    pub(super) fn search(&self, wanted: &Wanted) -> tantivy::Result<(Vec<(String, f32)>, Meant)> {
        let searcher = self.reader.searcher();
        let (words, meant) = self.words_query(&searcher, &wanted.text)?;
        let mut parts = vec![(Occur::Must, words)];
        parts.extend(self.filters(wanted).into_iter().map(|filter| {
            let silent: Box<dyn Query> = Box::new(ConstScoreQuery::new(filter, 0.0));
            (Occur::Must, silent)
        }));
        let top = TopDocs::with_limit(wanted.limit).order_by_score();
        let mut hits = Vec::with_capacity(wanted.limit);
        for (score, place) in searcher.search(&BooleanQuery::new(parts), &top)? {
            let document: TantivyDocument = searcher.doc(place)?;
            if let Some(id) = document.get_first(self.fields.id).and_then(|id| id.as_str()) {
                hits.push((id.to_owned(), score));
            }
        }
        hits.sort_by(|(a, x), (b, y)| y.total_cmp(x).then_with(|| a.cmp(b)));
        Ok((hits, meant))
    }

    fn filters(&self, wanted: &Wanted) -> Vec<Box<dyn Query>> {
        let Fields {
            audience,
            queue,
            language,
            category,
            kind,
            valid_from,
            valid_until,
            ..
        } = self.fields;
        let now = wanted.now.0;
        let from = RangeQuery::new(
            Bound::Unbounded,
            Bound::Included(Term::from_field_u64(valid_from, now)),
        );
        let until = RangeQuery::new(
            Bound::Excluded(Term::from_field_u64(valid_until, now)),
            Bound::Unbounded,
        );
        let mut filters: Vec<Box<dyn Query>> = vec![
            exactly(audience, wanted.audience.as_str()),
            Box::new(from),
            Box::new(until),
        ];
        filters.extend(wanted.language.as_deref().map(|wanted| exactly(language, wanted)));
        filters.extend(wanted.category.as_deref().map(|wanted| exactly(category, wanted)));
        filters.extend(wanted.kind.map(|wanted| exactly(kind, kind_name(wanted))));
        if let Some(queues) = &wanted.queues {
            let names = queues.iter().map(QueueId::as_str).chain([EVERY_QUEUE]);
            let any = names.map(|name| (Occur::Should, exactly(queue, name))).collect();
            filters.push(Box::new(BooleanQuery::new(any)));
        }
        filters
    }

    fn words_query(&self, searcher: &Searcher, text: &str) -> tantivy::Result<(Box<dyn Query>, Meant)> {
        // Words as they are indexed, and as they were written.
        let mut wanted: Vec<(String, String)> = Vec::new();
        for (word, place) in words::words(text) {
            let written = text.get(place).unwrap_or_default().to_lowercase();
            if !wanted.iter().any(|(known, _)| *known == word) {
                wanted.push((word, written));
            }
        }
        // Words that say nothing count when there are no others.
        let says = |(word, written): &(String, String)| !words::is_empty(word) && !words::is_empty(written);
        if wanted.iter().any(says) {
            wanted.retain(says);
        }
        wanted.truncate(limits::MAX_QUERY_WORDS);
        let mut meant = Meant::default();
        let mut any: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for (word, written) in wanted {
            let fields = [
                (self.fields.title, 3.0),
                (self.fields.keywords, 3.0),
                (self.fields.body, 1.0),
            ];
            let mut known = false;
            for (field, boost) in fields {
                let term = Term::from_field_text(field, &word);
                if searcher.doc_freq(&term)? > 0 {
                    known = true;
                    any.push((
                        Occur::Should,
                        boosted(TermQuery::new(term, IndexRecordOption::WithFreqs), boost),
                    ));
                }
            }
            if known {
                meant.words.push(word);
                continue;
            }
            if word.chars().any(words::is_han) {
                for c in word
                    .chars()
                    .filter(|c| !meant.characters.contains(c))
                    .collect::<Vec<_>>()
                {
                    let term = Term::from_field_text(self.fields.characters, c.encode_utf8(&mut [0; 4]));
                    any.push((
                        Occur::Should,
                        boosted(TermQuery::new(term, IndexRecordOption::WithFreqs), 0.5),
                    ));
                    meant.characters.push(c);
                }
                continue;
            }
            let distance = match word.chars().count() {
                0..=3 => continue,
                4..=7 => 1,
                _ => 2,
            };
            // A slip may change the stem more than the word: "mony" is cut to "moni", "money" to nothing else.
            let both = if written == word {
                vec![word]
            } else {
                vec![word, written]
            };
            for nearly in both {
                for (field, boost) in fields {
                    let term = Term::from_field_text(field, &nearly);
                    any.push((
                        Occur::Should,
                        boosted(FuzzyTermQuery::new(term, distance, true), boost * 0.5),
                    ));
                }
                meant.nearly.push((nearly, distance));
            }
        }
        let query: Box<dyn Query> = if any.is_empty() {
            Box::new(EmptyQuery)
        } else {
            Box::new(BooleanQuery::new(any))
        };
        Ok((query, meant))
    }
}

fn exactly(field: Field, text: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(
        Term::from_field_text(field, text),
        IndexRecordOption::Basic,
    ))
}

fn boosted(query: impl Query, boost: f32) -> Box<dyn Query> {
    Box::new(BoostQuery::new(Box::new(query), boost))
}

impl Batch {
    /// Takes an entry out, and puts in what it is now, if anything.
    pub(super) fn replace(&self, id: &str, now: Option<Indexed>) -> tantivy::Result<()> {
        self.writer.delete_term(Term::from_field_text(self.fields.id, id));
        now.map_or(Ok(()), |entry| self.add(entry))
    }

    pub(super) fn clear(&self) -> tantivy::Result<()> {
        self.writer.delete_all_documents().map(drop)
    }

    fn add(&self, entry: Indexed) -> tantivy::Result<()> {
        let fields = self.fields;
        let mut document = TantivyDocument::default();
        document.add_text(fields.id, &entry.id);
        document.add_text(fields.kind, kind_name(entry.kind));
        document.add_text(fields.title, &entry.title);
        document.add_text(fields.body, &entry.body);
        document.add_text(fields.characters, &entry.title);
        for keyword in &entry.keywords {
            document.add_text(fields.keywords, keyword);
            document.add_text(fields.characters, keyword);
        }
        // `zh` finds `zh-CN` too.
        let tag = entry.language.to_ascii_lowercase();
        let primary = tag.split('-').next().unwrap_or_default();
        document.add_text(fields.language, &tag);
        if primary != tag {
            document.add_text(fields.language, primary);
        }
        if let Some(category) = &entry.category {
            document.add_text(fields.category, category);
        }
        for audience in &entry.audience {
            document.add_text(fields.audience, audience.as_str());
        }
        if entry.queues.is_empty() {
            document.add_text(fields.queue, EVERY_QUEUE);
        }
        for queue in &entry.queues {
            document.add_text(fields.queue, queue.as_str());
        }
        document.add_u64(fields.valid_from, entry.valid_from);
        document.add_u64(fields.valid_until, entry.valid_until);
        self.writer.add_document(document).map(drop)
    }

    /// Makes the batch durable, with the mark of how far it goes, and waits for segments that are being joined.
    pub(super) fn commit(mut self, mark: &str) -> tantivy::Result<()> {
        let mut prepared = self.writer.prepare_commit()?;
        prepared.set_payload(mark);
        prepared.commit()?;
        self.writer.wait_merging_threads()
    }
}
