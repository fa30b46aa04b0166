//! The paths that a Rust source names, found with just enough of the language's lexis: comments and
//! literals are skipped, items that only test builds contain are left out, `use` trees are followed.

/// A word, a `::`, or one character of punctuation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The bytes that the comment or literal at the start of `rest` takes; `None` if there is none.
fn dark_bytes(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment_bytes(rest));
    }
    if let Some(quoted) = rest.strip_prefix('"') {
        return Some(1 + bytes_to_quote(quoted, '"'));
    }
    if let Some(quoted) = rest.strip_prefix('\'') {
        // Without a second quote it is a lifetime or a label.
        let literal = quoted.starts_with('\\') || quoted.chars().nth(1) == Some('\'');
        return literal.then(|| 1 + bytes_to_quote(quoted, '\''));
    }
    let raw = rest.strip_prefix(['b', 'c']).unwrap_or(rest).strip_prefix('r')?;
    let hashes = &raw[..raw.len() - raw.trim_start_matches('#').len()];
    let text = raw[hashes.len()..].strip_prefix('"')?;
    let end = format!("\"{hashes}");
    let after = text.find(&end).map_or(text.len(), |at| at + end.len());
    Some(rest.len() - text.len() + after)
}

fn bytes_to_quote(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if !escaped && c == quote {
            return at + 1;
        }
        escaped = !escaped && c == '\\';
    }
    text.len()
}

fn block_comment_bytes(rest: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(next) = rest[at..].find(['/', '*']) {
        at += next;
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// All tokens outside comments and literals.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let (mut found, mut rest, mut line) = (Vec::new(), source, 1);
    while let Some(first) = rest.chars().next() {
        let dark = dark_bytes(rest);
        let length = dark.unwrap_or_else(|| {
            let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            if rest.starts_with("::") { 2 } else { word.max(first.len_utf8()) }
        });
        let (text, after) = rest.split_at(length);
        if dark.is_none() && !first.is_whitespace() {
            found.push(Token { text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    found
}

pub(crate) fn text<'a>(tokens: &[Token<'a>], at: usize) -> &'a str {
    tokens.get(at).map_or("", |token| token.text)
}

fn stands_at(tokens: &[Token<'_>], at: usize, texts: &[&str]) -> bool {
    texts.iter().enumerate().all(|(step, wanted)| text(tokens, at + step) == *wanted)
}

/// Leaves out every item that only test builds contain.
pub(crate) fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let (mut kept, mut at) = (Vec::new(), 0);
    while let Some(token) = tokens.get(at) {
        if stands_at(tokens, at, &["#", "[", "cfg", "(", "test", ")"])
            || stands_at(tokens, at, &["#", "[", "cfg", "(", "all", "(", "test", ","])
        {
            at = after_item(tokens, at);
        } else {
            kept.push(*token);
            at += 1;
        }
    }
    kept
}

/// The place after the item that starts at `at`: after its first `;` or its closing brace.
fn after_item(tokens: &[Token<'_>], mut at: usize) -> usize {
    let (mut brackets, mut braces) = (0_usize, 0_usize);
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.text {
            "(" | "[" => brackets += 1,
            ")" | "]" => brackets = brackets.saturating_sub(1),
            "{" => braces += 1,
            "}" => braces = braces.saturating_sub(1),
            _ => {}
        }
        if brackets == 0 && braces == 0 && [";", "}"].contains(&token.text) {
            break;
        }
    }
    at
}

/// A path as it counts from the crate root, and the line it ends on.
pub(crate) type Import<'a> = (usize, Vec<&'a str>);

/// Follows the path or `use` tree at `at` from the module `path`; returns the place after it.
fn follow<'a>(
    tokens: &[Token<'a>],
    mut at: usize,
    mut path: Vec<&'a str>,
    found: &mut Vec<Import<'a>>,
) -> usize {
    let mut line = tokens.get(at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(at) {
        match token.text {
            "crate" => path.clear(),
            "self" => {}
            "super" => drop(path.pop()),
            "{" => {
                at += 1;
                while at < tokens.len() && text(tokens, at) != "}" {
                    at = follow(tokens, at, path.clone(), found).max(at + 1);
                    at += if text(tokens, at) == "as" { 2 } else { 0 };
                    at += usize::from(text(tokens, at) == ",");
                }
                return at + 1;
            }
            "*" => {
                at += 1;
                break;
            }
            word if word.starts_with(is_word) => path.push(word),
            _ => break,
        }
        line = token.line;
        at += 1;
        if text(tokens, at) != "::" {
            break;
        }
        at += 1;
    }
    found.push((line, path));
    at
}

/// Every path of `tokens` that starts at `crate`, `self` or `super`.
pub(crate) fn imports<'a>(mut module: Vec<&'a str>, tokens: &[Token<'a>]) -> Vec<Import<'a>> {
    let (mut found, mut depth, mut inline) = (Vec::new(), 0_usize, Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        let before = |steps| at.checked_sub(steps).map_or("", |at| text(tokens, at));
        match token.text {
            "{" => {
                depth += 1;
                if before(2) == "mod" {
                    module.push(before(1));
                    inline.push(depth);
                }
            }
            "}" => {
                if inline.last() == Some(&depth) {
                    inline.pop();
                    module.pop();
                }
                depth = depth.saturating_sub(1);
            }
            "crate" | "self" | "super" => {
                let visibility = before(2) == "(" && before(1) == "in";
                let starts = before(1) != "::" && !visibility;
                let leads = ["::", "as"].contains(&text(tokens, at + 1));
                if starts && (leads || before(1) == "extern") {
                    follow(tokens, at, module.clone(), &mut found);
                }
            }
            _ => {}
        }
    }
    found
}
