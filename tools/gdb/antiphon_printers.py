"""Shows antiphon's types in gdb as what they stand for.

    (gdb) source tools/gdb/antiphon_printers.py
    (gdb) print message
    $1 = request 7 "textDocument/hover" = {params = {"textDocument": ...}}

Reads memory only: nothing of the program is called. `set print elements` bounds how much of a text is shown.
"""

import gdb
import gdb.printing


def text_of(value):
    """What a std::string or std::string_view holds."""
    fields = {field.name for field in value.type.strip_typedefs().fields()}
    if "_M_str" in fields:
        return read(value["_M_str"], int(value["_M_len"]))
    return read(value["_M_dataplus"]["_M_p"], int(value["_M_string_length"]))


def read(at, length):
    """`length` bytes as text, no more of them than gdb is to print."""
    most = gdb.parameter("print elements") or length  # 0 stands for all
    shown = at.string("utf-8", errors="replace", length=min(length, most)) if length else ""
    return shown + "..." * (length > most)


def counted(number, thing):
    return f"{number} {thing}{'' if number == 1 else 's'}"


def is_null(pointer):
    return int(pointer) == 0


class RequestId:
    """7, "abc" or null"""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        return text_of(self.value["json_"])


class Slice:
    """5 bytes, pinned: [1,2]"""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        size = int(self.value["bytes_"]["_M_len"])
        block = self.value["block_"]
        pin = "not pinned" if is_null(block) else f"pins a block of {int(block['capacity'])}"
        return f"{counted(size, 'byte')}, {pin}: {text_of(self.value['bytes_'])}"


class Buffer:
    """12 of 4096 bytes filled, held by 2: the bytes"""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        block = self.value["block_"]
        if is_null(block):
            return "no memory"
        size = int(self.value["size_"])
        holders = int(block["references"]["_M_i"])
        filled = f"{size} of {counted(int(block['capacity']), 'byte')} filled, held by {holders}"
        return filled + (": " + read(block["bytes"], size) if size else "")


class RawJson:
    """The text of the value"""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        return text_of(self.value["bytes_"]["bytes_"])


class MessageView:
    """request 7 "initialize", its parts as children"""

    PARTS = ("params", "result", "error", "problem")

    def __init__(self, value):
        self.value = value

    def to_string(self):
        words = [str(self.value["kind_"]).rpartition("::")[2].replace("_", " "), text_of(self.value["id_"])]
        method = text_of(self.value["method_"])
        if method:
            words.append(f'"{method}"')
        return " ".join(filter(None, words))

    def children(self):
        for part in self.PARTS:
            view = self.value[f"{part}_"]
            if int(view["_M_len"]):
                yield part, view


def printers():
    collection = gdb.printing.RegexpCollectionPrettyPrinter("antiphon")
    for name, printer in (("request_id", RequestId), ("slice", Slice), ("buffer", Buffer), ("raw_json", RawJson),
                          ("message_view", MessageView)):
        collection.add_printer(name, f"^antiphon::{name}$", printer)
    return collection


gdb.printing.register_pretty_printer(None, printers(), replace=True)
