"""Every error that cdc-stream raises.

    CdcError
    ├── ConfigError            the configuration cannot be used (exit code 2)
    ├── SourceError            the source database
    │   ├── SourceUnavailable      not reachable now; retriable
    │   ├── SourceRefused          reachable, but it refuses: password, rights, settings
    │   ├── ServerIdInUse          another replica of the server has the same id
    │   ├── SlotInUse              another session reads the slot; retriable
    │   ├── StatementLogged        a change of a captured table is logged as a statement, without its rows
    │   ├── DefinitionUnknown      rows came of a captured table whose definition is not known
    │   ├── DefinitionMismatch     rows came that were not written under the definition that is known
    │   ├── DdlUnreadable          a statement of the binlog changes tables in a way that is not understood
    │   ├── HistoryUnreadable      the schema history has a record that is none, or is cut off
    │   └── SourceLost             what the stored offset needs is gone
    │       ├── SlotDropped            the slot does not exist any more
    │       ├── SlotNotFailedOver      another server took over, and the slot did not come along
    │       ├── SlotAdvanced           somebody else has moved the slot
    │       ├── SlotRecreated          the slot was dropped and created anew
    │       ├── SlotInvalidated        the server has given the slot up
    │       ├── LogPurged              the server has removed log that the offset needs
    │       ├── PrepareUnseen          a distributed transaction commits whose rows were logged before the stream began
    │       ├── LogIncident            the server lost changes on their way to its log
    │       ├── PublicationDropped     the publication does not exist any more
    │       ├── PublicationRecreated   the publication was dropped and created anew
    │       ├── OtherServer            the offset belongs to another server
    │       └── LogDiverged            the server's log is not the one that was read
    ├── SinkError              Kafka
    │   ├── KafkaUnavailable       not reachable now; retriable
    │   ├── KafkaRefused           reachable, but it refuses: rights, transactions, topic settings
    │   ├── RecordTooLarge         one record exceeds what the broker takes
    │   └── Fenced                 another instance of the same connector took over
    ├── DecodeError            bytes that do not follow the protocol
    └── ConversionError        a value that its schema cannot carry

Each error says what happened with the value in `str(error)`, and what to do in `error.remedy`. Whether a new attempt can help
is a fact on the class: `retriable`.
"""

from __future__ import annotations

from typing import ClassVar


class CdcError(Exception):
    """Base of all errors of cdc-stream: one sentence of fact with the value, one sentence of remedy."""

    retriable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, fact: str, remedy: str = "") -> None:
        super().__init__(fact)
        self.remedy = remedy

    def sentence(self) -> str:
        """Return fact and remedy as one line for a person."""
        fact = str(self).rstrip(".")
        return f"{fact}. {self.remedy}" if self.remedy else f"{fact}."


class ConfigError(CdcError):
    """The configuration cannot be used; nothing was started."""

    exit_code = 2


class SourceError(CdcError):
    """Something is wrong at the source database."""


class SourceUnavailable(SourceError):
    """The source cannot be reached now, or the connection broke."""

    retriable = True


class SourceRefused(SourceError):
    """The source answers, but refuses: wrong password, missing right, unsuitable setting, absent object."""


class SlotInUse(SourceError):
    """Another session reads the replication slot."""

    retriable = True


class DdlUnreadable(SourceError):
    """A statement in the binlog changes tables, and what it does to them cannot be told.

    `tables` are (database, table) pairs that it names, as far as they can be told; none where even that is unknown.
    """

    def __init__(self, fact: str, remedy: str = "", tables: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(fact, remedy)
        self.tables = tables


class HistoryUnreadable(SourceError):
    """The schema history cannot be read, or what is needed of it is missing; guessing definitions would misread rows."""


class ServerIdInUse(SourceError):
    """Another replica has the same server id; trying again would take the log away from it."""


class SourceLost(SourceError):
    """What the stored offset needs is no longer there; going on would lose changes in silence."""


class SlotDropped(SourceLost):
    """The replication slot that the stored offset goes on from does not exist any more."""


class SlotNotFailedOver(SourceLost):
    """Another server has taken over, and the replication slot did not come along."""


class SlotAdvanced(SourceLost):
    """The replication slot stands ahead of the stored offset: somebody else has read from it or moved it."""


class SlotRecreated(SourceLost):
    """The replication slot is another one of the same name, which begins ahead of the stored offset."""


class SlotInvalidated(SourceLost):
    """The server has given the replication slot up, and removed log or rows that it needed."""


class LogPurged(SourceLost):
    """The server has removed files of its binary log that the stored offset needs."""


class SnapshotUnfinished(SourceLost):
    """A snapshot that Debezium was asked for while it streamed has not read all rows, and nothing would read the rest."""


class PrepareUnseen(SourceLost):
    """A distributed transaction has committed, and its rows were logged before the stream began: nothing has them."""


class LogIncident(SourceLost):
    """The binlog says that the server lost changes on their way to it."""


class StatementLogged(SourceError):
    """A change of a captured table stands in the binlog as a statement, of which the rows cannot be told."""


class DefinitionUnknown(SourceError):
    """Rows of a captured table came, and under which definition they were written is not known."""


class DefinitionMismatch(SourceError):
    """Rows of a captured table came, and they were not written under the definition that is known of it."""


class PublicationDropped(SourceLost):
    """The publication does not exist any more: the server does not send what was written since it was dropped."""


class PublicationRecreated(SourceLost):
    """The publication is another one of the same name: the server does not send what was written while there was none."""


class OtherServer(SourceLost):
    """The stored offset belongs to a server with another system identifier."""


class LogDiverged(SourceLost):
    """The server's log is not the one that was read: it was restored from an older copy, or left that log before the stored offset."""


class SinkError(CdcError):
    """Something is wrong at the destination."""


class KafkaUnavailable(SinkError):
    """No broker can be reached now, or a request's result is unknown."""

    retriable = True


class KafkaRefused(SinkError):
    """The broker answers, but refuses: authorisation, no transactions, invalid topic."""


class RecordTooLarge(SinkError):
    """One record is larger than the broker or the topic accepts."""


class Fenced(SinkError):
    """Another instance with the same transactional id has started; this one can write nothing more."""


class DecodeError(CdcError):
    """Bytes from the source do not follow its protocol.

    `offset` is the position in the message at which reading failed, in bytes; `window` is the message around it, in hex.
    """

    def __init__(self, fact: str, data: bytes = b"", offset: int = 0) -> None:
        self.offset = offset
        self.window = bytes(data[max(0, offset - 16) : offset + 16]).hex(" ")
        where = f" at byte {offset} of {len(data)} (bytes around it: {self.window or 'none'})"
        super().__init__(
            fact + where, "Report it with this message: the server sent something that cdc-stream does not read."
        )
        self.fact = fact


class ConversionError(CdcError):
    """A value cannot be carried by the schema that the configuration asks for."""
