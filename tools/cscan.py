# SPDX-License-Identifier: Apache-2.0
"""Finds functions in C text: where they start and end, parameters, complexity, calls.

No parser: comments, strings and preprocessor lines are blanked (line structure stays), of every
#if … #else only the first branch is kept, and what remains is read as tokens.
"""
import re
from dataclasses import dataclass, field

TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|&&|\|\||->|\.\.\.|\S")
BRANCHES = {"if", "for", "while", "case", "&&", "||", "?"}
KEYWORDS = {"void", "int", "char", "const", "unsigned", "long", "short", "double", "float", "if", "for", "while", "switch", "return", "sizeof", "do", "else", "case", "goto",
            "_Alignof", "_Generic", "defined", "__attribute__", "_Static_assert", "alignof"}


@dataclass
class Function:
    name: str
    start: int
    end: int = 0
    params: int = 0
    complexity: int = 1
    static: bool = False
    calls: list = field(default_factory=list)

    @property
    def lines(self):
        return self.end - self.start + 1


def blank(text, keep_strings=False):
    """The text with comments (and strings) replaced by spaces; newlines stay."""
    out, i, n = [], 0, len(text)
    while i < n:
        two = text[i:i + 2]
        if two in ("/*", "//"):
            end = text.find("*/", i + 2) + 2 if two == "/*" else text.find("\n", i)
            if end <= 1 and two == "/*" or end < 0:
                end = n
            out.append(re.sub(r"[^\n]", " ", text[i:end]))
            i = end
        elif text[i] in "\"'":
            j = i + 1
            while j < n and text[j] != text[i] and text[j] != "\n":
                j += 2 if text[j] == "\\" else 1
            end = min(j + 1, n)
            body = text[i:end]
            out.append(body if keep_strings else body[0] + re.sub(r"[^\n]", "_", body[1:-1]) + body[-1:])
            i = end
        else:
            out.append(text[i])
            i += 1
    return "".join(out)


def without_preprocessor(text):
    """Blanks directives and all but the first branch of a conditional."""
    out, stack, continued = [], [], False
    for line in text.split("\n"):
        directive = continued or line.lstrip().startswith("#")
        if directive and not continued:
            word = re.match(r"\s*#\s*(\w*)", line).group(1)
            if word in ("if", "ifdef", "ifndef"):
                zero = re.match(r"\s*#\s*if\s+0\s*$", line) is not None
                stack.append([not zero, zero])  # this branch is kept, first branch was empty
            elif word in ("elif", "else") and stack:
                stack[-1] = [stack[-1][1], False]
            elif word == "endif" and stack:
                stack.pop()
        continued = directive and line.endswith("\\")
        out.append("" if directive or not all(keep for keep, _ in stack) else line)
    return "\n".join(out)


def tokens_of(text):
    """(token, line number) pairs of blanked text."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        found += [(m.group(0), number) for m in TOKEN.finditer(line)]
    return found


def matching(tokens, i, opening, closing):
    """Index of the token that closes the one at i, or -1."""
    depth = 0
    for j in range(i, len(tokens)):
        if tokens[j][0] == opening:
            depth += 1
        elif tokens[j][0] == closing:
            depth -= 1
            if depth == 0:
                return j
    return -1


def count_params(tokens):
    """Parameters between the parentheses; `void` alone is none, `...` is not one."""
    words = [t for t, _ in tokens]
    if not words or words == ["void"]:
        return 0
    depth = commas = 0
    for word in words:
        depth += word in "([{"
        depth -= word in ")]}"
        commas += word == "," and depth == 0
    return commas + 1 - (words[-1] == "...")


def header_of(tokens, start, brace):
    """(name, index of the parameter list) when the tokens before `{` declare a function."""
    i, found = start, None
    while i < brace:
        word = tokens[i][0]
        if word == "=":  # an initializer, whatever came before
            return None
        if word == "{":
            i = matching(tokens, i, "{", "}")
        elif word == "__attribute__":
            i = matching(tokens, i + 1, "(", ")")
        elif word == "(":
            name = tokens[i - 1][0] if i > start else ""
            close = matching(tokens, i, "(", ")")
            if close < 0 or close >= brace:
                return None
            if not found and re.match(r"[A-Za-z_]\w*$", name) and name not in KEYWORDS and i - 1 > start:
                found = name, i, close
            i = close
        if i < 0:
            return None
        i += 1
    return found


def measure(function, body):
    """Complexity and calls of the tokens between the braces."""
    for k, (word, _) in enumerate(body):
        if word in BRANCHES:
            function.complexity += 1
        elif k + 1 < len(body) and body[k + 1][0] == "(" and re.match(r"[A-Za-z_]\w*$", word):
            if word not in KEYWORDS and (k == 0 or body[k - 1][0] not in (".", "->")):
                function.calls.append((word, body[k][1]))


def functions(text):
    """All function definitions of a C file."""
    tokens = tokens_of(without_preprocessor(blank(text)))
    found, start, i = [], 0, 0
    while i < len(tokens):
        word, _ = tokens[i]
        if word == ";":
            start = i + 1
        elif word == "}":
            start = i + 1
        elif word == "{":
            if i and tokens[i - 1][0].startswith('"') or (i and tokens[i - 1][0] == '"'):
                start = i + 1  # extern "C" {: its content is at file level
                i += 1
                continue
            close = matching(tokens, i, "{", "}")
            if close < 0:
                break
            header = header_of(tokens, start, i)
            if header:
                name, opening, closing = header
                function = Function(name, tokens[start][1], tokens[close][1])
                function.params = count_params(tokens[opening + 1:closing])
                function.static = any(t == "static" for t, _ in tokens[start:opening])
                measure(function, tokens[i + 1:close])
                found.append(function)
                start = close + 1
            i = close
        i += 1
    return found
