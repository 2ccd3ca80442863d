"""The formulas of a docstring, set as math: "sum over i, j  of  P[n, p*s + i, c] * w[i, j]" becomes LaTeX.

    formula    expression = expression, expression = ...
    sum        sum over i, j of PRODUCT     sum over all (p, q) with p*s = r of PRODUCT     max over i of PRODUCT
    cases      A where CONDITION, else B
    index      y[n, p]                      numbers beside names: x0; a hat: xhat; a gradient: dgamma

`latex` gives None for what it cannot read (words, calls of functions); such a formula stays as it was written.
"""

import re

from annotated.symbols import Unreadable, symbol

FUNCTIONS = {"exp": r"\exp", "log": r"\log", "max": r"\max"}
TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_]\w*'?)|(\.\.\.|[-+*/@^=<>()\[\],.]))")
FRACTION = r"\left(\frac"
RELATION = {"=": "=", "<": "<", ">": ">"}


def split_remark(line: str) -> tuple[str, str]:
    """Cut off the words behind a formula: they stand three spaces or more to its right.

    >>> split_remark("y = x @ w         one product")
    ('y = x @ w', 'one product')
    """
    line = re.sub(r"\s+(of|where|with)\s+", r" \1 ", line.strip())
    line = re.sub(r"\s*([,=])\s+", lambda found: " = " if found[1] == "=" else ", ", line)
    formula, _, remark = re.sub(r"\s{3,}", "   ", line).partition("   ")
    if found := re.search(r", and .*$", formula):
        return formula[: found.start()], f"{found[0][2:]} {remark}".strip()
    return formula, remark


def latex(formula: str) -> str | None:
    r"""Translate a formula.

    >>> latex("db[o] = sum over n, p, q of dy[n, p, q, o]")
    '\\mathrm{d}b_{o} = \\sum_{n,\\,p,\\,q} \\mathrm{d}y_{n,\\,p,\\,q,\\,o}'
    >>> latex("dx = the parts of dy")
    """
    try:
        reader = Reader(formula)
        result = reader.equations()
        return result if reader.done() else None
    except Unreadable:
        return None


class Reader:
    """Reads from left to right; each method reads one kind of phrase and gives its LaTeX."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.subscript = text.rstrip(), 0, False

    def done(self) -> bool:
        """Say whether everything was read."""
        return not self.text[self.at :].strip()

    def equations(self) -> str:
        """Read a = b, c = d."""
        parts = [self.expression()]
        while self.peek() in RELATION or self.peek() == ",":
            sign = self.take()
            parts.append(RELATION.get(sign, r",\quad"))
            parts.append(self.cases())
        return " ".join(parts)

    def cases(self) -> str:
        """Read A, or A where CONDITION, else B."""
        value = self.expression()
        if not self.word("where"):
            return value
        condition = self.text_until(",")
        self.expect(",")
        if not self.word("else"):
            raise Unreadable
        other = self.expression()
        return rf"\begin{{cases}} {value} & {condition} \\ {other} & \text{{else}} \end{{cases}}"

    def expression(self) -> str:
        """Read terms with + and - between them."""
        parts = [self.term()]
        while self.peek() in ("+", "-"):
            parts += [self.take(), self.term()]
        return " ".join(parts)

    def term(self) -> str:
        """Read a product or quotient."""
        value = self.factor()
        while True:
            sign = self.peek()
            if sign in ("*", "@"):
                self.take()
                value = f"{value} {self.between(value)} {self.factor()}"
            elif sign == "/":
                self.take()
                value = rf"\frac{{{bare(value)}}}{{{bare(self.factor())}}}"
            elif sign in ("sum", "max") and self.ahead(r"(sum|max) over "):
                scale = bare(value) if value.startswith(FRACTION) else value  # (1/N) sum
                value = f"{scale} {self.factor()}"
            else:
                return value

    def between(self, left: str) -> str:
        """Choose what stands between two factors: little in an index, a dot after a name of several letters."""
        following = self.text[self.at :].lstrip()
        if self.subscript:
            return ""
        if re.search(r"\}?\}$|^.$|\)$|\\top$", left) and not re.match(r"[a-z]{3}|[(]", following):
            return r"\,"
        return r"\cdot"

    def factor(self) -> str:
        """Read a number, a name, a bracket, a sum; a minus or a power of one."""
        if self.peek() == "-":
            self.take()
            return f"-{self.factor()}"
        value = self.atom()
        if self.peek() == "^":
            self.take()
            value = f"{value}^{{{self.atom()}}}"
        return value

    def atom(self) -> str:
        """Read one thing."""
        for big in ("sum", "max"):
            if self.ahead(rf"{big} over "):
                return self.over(big)
        token = self.take()
        if token == "(":
            inner = self.list(")")
            return rf"\left({inner}\right)"
        if token == "[":
            inner = self.list("]")
            return rf"\left[{inner}\right]"
        if token == "...":
            return r"\dots"
        if token[0].isdigit():
            return token
        if not (token[0].isalpha() or token[0] == "_"):
            raise Unreadable
        return self.name(token)

    def name(self, word: str) -> str:
        """Read what follows a name: an index, arguments, .T."""
        if word == "sqrt" and self.peek() == "(":
            self.take()
            return r"\sqrt{" + self.list(")") + "}"
        if word in FUNCTIONS:
            if self.peek() == "(":
                self.take()
                return rf"{FUNCTIONS[word]}\left(" + self.list(")") + r"\right)"
            return f"{FUNCTIONS[word]} {self.atom()}"
        value = symbol(word)
        if self.text.startswith("[", self.at):
            self.take()
            outer, self.subscript = self.subscript, True
            value += "_{" + self.list("]") + "}"
            self.subscript = outer
        elif self.text.startswith(".T", self.at):
            self.at += 2
            value += r"^{\top}"
        elif self.text.startswith("(", self.at):
            raise Unreadable  # a call: it is code
        return value

    def list(self, end: str) -> str:
        """Read expressions with commas or = between them, up to a closing bracket."""
        parts = [self.expression()]
        while self.peek() in (",", "="):
            parts.append(r",\," if self.take() == "," else " = ")
            parts.append(self.expression())
        self.expect(end)
        return "".join(parts)

    def over(self, big: str) -> str:
        """Read the rest of a sum or a maximum: its range, "of", and what is summed."""
        self.word(big)
        self.word("over")
        found = re.compile(r"\s+of\s+").search(self.text, self.at)
        if not found:
            raise Unreadable
        scope = self.text[self.at : found.start()].strip()
        self.at = found.end()
        return rf"\{big}_{{{scope_latex(scope)}}} {self.term()}"

    def text_until(self, end: str) -> str:
        """Read a condition: as math if it is, as words if not."""
        stop = self.text.find(end, self.at)
        if stop < 0:
            raise Unreadable
        words, self.at = self.text[self.at : stop].strip(), stop
        return (latex(words) if re.search("[<>=]", words) else None) or rf"\text{{{words}}}"

    def peek(self) -> str:
        """Look at the next token."""
        found = TOKEN.match(self.text, self.at)
        return found[0].strip() if found else ""

    def take(self) -> str:
        """Read the next token."""
        found = TOKEN.match(self.text, self.at)
        if not found:
            raise Unreadable
        self.at = found.end()
        return found[0].strip()

    def expect(self, token: str) -> None:
        """Read this token."""
        if self.take() != token:
            raise Unreadable

    def word(self, word: str) -> bool:
        """Read this word, if it comes next."""
        if self.peek() != word:
            return False
        self.take()
        return True

    def ahead(self, pattern: str) -> bool:
        """Say whether the text goes on like this."""
        return bool(re.compile(r"\s*" + pattern).match(self.text, self.at))


def scope_latex(scope: str) -> str:
    """Set what a sum runs over: letters, "rows", "all (p, q) with p*s = r", "all windows (p, q) whose ..."."""
    head, _, conditions = scope.removeprefix("all ").partition(" with ")
    if re.fullmatch(r"\(?[a-z](, [a-z])*\)?", head):
        lines = [r",\,".join(re.findall("[a-z]", head))]
    else:
        lines = [rf"\text{{{line}}}" for line in re.sub(r" (whose|winner stands)\b", r"|\1", head, count=1).split("|")]
    for condition in filter(None, conditions.split(", ")):
        reader = Reader(condition)
        reader.subscript = True
        lines.append(reader.equations())
    return lines[0] if len(lines) == 1 else r"\substack{" + r" \\ ".join(lines) + "}"


def bare(value: str) -> str:
    """Drop the bracket around a whole numerator or denominator."""
    if value.startswith(r"\left(") and value.endswith(r"\right)"):
        inner, depth = value[6:-7], 0
        for step in re.findall(r"\\left\(|\\right\)", inner):
            depth += 1 if step == r"\left(" else -1
            if depth < 0:
                return value
        return inner
    return value
