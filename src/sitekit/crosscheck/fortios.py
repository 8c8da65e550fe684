"""Reads FortiOS: config, edit, set, unset, next and end become a tree with line numbers.

What a later line changes is changed in the tree, as the device would do: `unset`, `delete` and
`purge` take away, a second `edit` goes on where the first one stopped. Nothing is ever refused:
lines that fit nowhere are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Node:
    """A table, an entry of one, or a page of settings."""

    line: int
    values: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    entries: dict[str, Node] = field(default_factory=dict)
    children: dict[str, Node] = field(default_factory=dict)

    def words(self, key: str) -> tuple[str, ...]:
        """The words that a setting has; none where it is not set."""
        found = self.values.get(key)
        return found[1] if found else ()

    def word(self, key: str, default: str = "") -> str:
        """The first word of a setting."""
        found = self.values.get(key)
        return found[1][0] if found and found[1] else default

    def where(self, *keys: str) -> int:
        """The line of the first of these settings that is there; else the line of the node."""
        return next((self.values[key][0] for key in keys if key in self.values), self.line)

    def table(self, *path: str) -> Node:
        """A table below this node; an empty one where it is not written."""
        node = self
        for step in path:
            child = node.children.get(step)
            if child is None:
                return Node(0)
            node = child
        return node


def parse(text: str) -> Node:
    """The whole configuration as one tree, whose children are its tables (`system interface`)."""
    root = Node(0)
    stack: list[Node] = [root]
    lines = text.split("\n")
    count = len(lines)
    index = 0
    while index < count:
        line = lines[index]
        index += 1
        at = index
        stripped = line.strip()
        command, _, rest = stripped.partition(" ")
        if command == "set":
            if '"' in rest:
                while _open(rest) and index < count:  # a text of several lines
                    rest = f"{rest}\n{lines[index]}"
                    index += 1
                words = split(rest)
            else:
                words = rest.split()
            if words:
                stack[-1].values[words[0]] = (at, tuple(words[1:]))
        elif command == "edit":
            words = split(rest)
            if words:
                node = stack[-1].entries.get(words[0])
                if node is None:
                    node = stack[-1].entries[words[0]] = Node(at)
                stack.append(node)
        elif command == "next" or command == "end":
            if len(stack) > 1:
                stack.pop()
        elif command == "config":
            name = " ".join(split(rest))
            node = stack[-1].children.get(name)
            if node is None:
                node = stack[-1].children[name] = Node(at)
            stack.append(node)
        elif command == "unset":
            stack[-1].values.pop(rest.strip(), None)
        elif command == "append":
            words = split(rest)
            if words:
                before = stack[-1].words(words[0])
                stack[-1].values[words[0]] = (at, (*before, *words[1:]))
        elif command == "purge":
            stack[-1].entries.clear()
        elif command == "delete":
            for word in split(rest):
                stack[-1].entries.pop(word, None)
        elif command == "move":
            _move(stack[-1], split(rest))
    return root


def _open(text: str) -> bool:
    """True where a quoted text has not ended yet."""
    if "\\" not in text:
        return text.count('"') % 2 == 1
    quoted, skip = False, False
    for letter in text:
        if skip:
            skip = False
        elif letter == "\\":
            skip = True
        elif letter == '"':
            quoted = not quoted
    return quoted


def split(text: str) -> list[str]:
    """The words of a line; double quotes hold one together, a backslash takes the next letter."""
    if '"' not in text and "\\" not in text:
        return text.split()
    if "\\" not in text and text.count('"') % 2 == 0:
        found: list[str] = []
        for number, part in enumerate(text.split('"')):
            if number % 2:
                found.append(part)
            else:
                found += part.split()
        return found
    return _split_slowly(text)


def _split_slowly(text: str) -> list[str]:
    words: list[str] = []
    word: list[str] | None = None
    quoted = False
    letters = iter(text)
    for letter in letters:
        if letter == "\\":
            word = [] if word is None else word
            word.append(next(letters, ""))
        elif letter == '"':
            quoted = not quoted
            word = [] if word is None else word
        elif letter.isspace() and not quoted:
            if word is not None:
                words.append("".join(word))
                word = None
        else:
            word = [] if word is None else word
            word.append(letter)
    if word is not None:
        words.append("".join(word))
    return words


def _move(table: Node, words: list[str]) -> None:
    """`move A before B`: the order of the entries is the order of the rules."""
    if len(words) != 3 or words[1] not in ("before", "after"):
        return
    name, where, other = words
    if name == other or name not in table.entries or other not in table.entries:
        return
    moved = table.entries.pop(name)
    order: dict[str, Node] = {}
    for key, node in table.entries.items():
        if key == other and where == "before":
            order[name] = moved
        order[key] = node
        if key == other and where == "after":
            order[name] = moved
    table.entries.clear()
    table.entries.update(order)
