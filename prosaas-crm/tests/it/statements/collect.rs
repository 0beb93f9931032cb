//! Finds the statements of the crate in its source: the texts given to `Sql::both` and `Sql::split`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A statement as one database reads it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) file: PathBuf,
    pub(super) sqlite: String,
    pub(super) postgres: String,
}

/// A `macro_rules!` that puts texts together: its parameters and what it stands for.
#[derive(Debug)]
struct Template {
    parameters: Vec<String>,
    body: Vec<TokenTree>,
}

type Templates = HashMap<String, Template>;

/// Every statement under a folder. A text that cannot be read is an error: it would be one that nobody
/// checks.
pub(super) fn statements(folder: &Path) -> Result<Vec<Found>, String> {
    let mut files = Vec::new();
    list(folder, &mut files);
    let mut sources = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
        sources.push((file, tokens(&text)?));
    }
    let mut templates = Templates::new();
    for (_, source) in &sources {
        find_templates(source, &mut templates);
    }
    let mut found = Vec::new();
    for (file, source) in &sources {
        find_statements(source, &templates, &mut |sqlite, postgres| {
            found.push(Found {
                file: file.clone(),
                sqlite,
                postgres,
            });
        })
        .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(found)
}

/// The statements of one source text.
pub(super) fn of_source(text: &str) -> Result<Vec<(String, String)>, String> {
    let source = tokens(text)?;
    let mut templates = Templates::new();
    find_templates(&source, &mut templates);
    let mut found = Vec::new();
    find_statements(&source, &templates, &mut |sqlite, postgres| {
        found.push((sqlite, postgres));
    })?;
    Ok(found)
}

fn tokens(text: &str) -> Result<Vec<TokenTree>, String> {
    let stream: TokenStream = text.parse().map_err(|_| "not Rust".to_owned())?;
    Ok(stream.into_iter().collect())
}

/// Source files, without those that hold only tests.
fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            files.push(path);
        }
    }
}

fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == word)
}

fn is_mark(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

fn group(token: Option<&TokenTree>) -> Option<Vec<TokenTree>> {
    match token {
        Some(TokenTree::Group(group)) => Some(group.stream().into_iter().collect()),
        _ => None,
    }
}

fn find_templates(tokens: &[TokenTree], templates: &mut Templates) {
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(inner) = token {
            let inner: Vec<_> = inner.stream().into_iter().collect();
            find_templates(&inner, templates);
        }
        let Some(TokenTree::Ident(name)) = tokens.get(at + 2) else {
            continue;
        };
        if is_word(Some(token), "macro_rules")
            && let Some(rules) = group(tokens.get(at + 3))
            && let Some(pattern) = group(rules.first())
            && let Some(body) = group(rules.get(3))
        {
            let parameters = pattern
                .windows(2)
                .filter(|pair| is_mark(pair.first(), '$'))
                .map(|pair| pair[1].to_string())
                .collect();
            templates.insert(name.to_string(), Template { parameters, body });
        }
    }
}

fn find_statements(
    tokens: &[TokenTree],
    templates: &Templates,
    found: &mut impl FnMut(String, String),
) -> Result<(), String> {
    for (at, token) in tokens.iter().enumerate() {
        let is_path = is_word(Some(token), "Sql")
            && is_mark(tokens.get(at + 1), ':')
            && is_mark(tokens.get(at + 2), ':');
        let is_call = matches!(tokens.get(at + 4), Some(TokenTree::Group(group))
                               if group.delimiter() == Delimiter::Parenthesis);
        if is_path && is_call {
            let arguments = split(&group(tokens.get(at + 4)).unwrap_or_default());
            match (is_word(tokens.get(at + 3), "both"), &arguments[..]) {
                (true, [text]) => {
                    let text = resolve(text, templates)?;
                    found(text.clone(), text);
                }
                (false, [sqlite, postgres]) => {
                    found(resolve(sqlite, templates)?, resolve(postgres, templates)?);
                }
                _ => return Err("a call of `Sql` that is not understood".to_owned()),
            }
        } else if let Some(inner) = group(Some(token)) {
            find_statements(&inner, templates, found)?;
        }
    }
    Ok(())
}

/// The arguments between commas; a trailing comma adds none.
fn split(tokens: &[TokenTree]) -> Vec<Vec<TokenTree>> {
    let parts = tokens.split(|token| is_mark(Some(token), ','));
    parts
        .filter(|part| !part.is_empty())
        .map(<[TokenTree]>::to_vec)
        .collect()
}

/// The text that an argument stands for: a literal, `concat!` of texts, or a macro of the crate.
fn resolve(tokens: &[TokenTree], templates: &Templates) -> Result<String, String> {
    let unreadable = || {
        let shown: TokenStream = tokens.iter().cloned().collect();
        format!("a statement's text cannot be read: `{shown}`")
    };
    match tokens {
        [TokenTree::Literal(literal)] => syn::parse_str::<syn::LitStr>(&literal.to_string())
            .map(|text| text.value())
            .map_err(|_| unreadable()),
        [TokenTree::Ident(name), mark, inner] if is_mark(Some(mark), '!') => {
            let arguments = split(&group(Some(inner)).ok_or_else(unreadable)?);
            if name == "concat" {
                return arguments
                    .iter()
                    .map(|part| resolve(part, templates))
                    .collect();
            }
            let template = templates.get(&name.to_string()).ok_or_else(unreadable)?;
            if template.parameters.len() != arguments.len() {
                return Err(unreadable());
            }
            let values = template.parameters.iter().cloned().zip(arguments).collect();
            resolve(&substitute(&template.body, &values), templates)
        }
        _ => Err(unreadable()),
    }
}

fn substitute(tokens: &[TokenTree], values: &HashMap<String, Vec<TokenTree>>) -> Vec<TokenTree> {
    let mut put = Vec::new();
    let mut tokens = tokens.iter().peekable();
    while let Some(token) = tokens.next() {
        let value = tokens.peek().and_then(|name| values.get(&name.to_string()));
        if let Some(value) = value.filter(|_| is_mark(Some(token), '$')) {
            put.extend(value.iter().cloned());
            tokens.next();
        } else if let TokenTree::Group(inner) = token {
            let stream: Vec<_> = inner.stream().into_iter().collect();
            let stream = substitute(&stream, values).into_iter().collect();
            let group = proc_macro2::Group::new(inner.delimiter(), stream);
            put.push(TokenTree::Group(group));
        } else {
            put.push(token.clone());
        }
    }
    put
}
