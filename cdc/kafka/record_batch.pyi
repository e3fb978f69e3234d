from cdc.kafka.compression import Codec
from cdc.model.records import RecordBatch

class PartitionBatch:
    """The records of one partition that go to the broker together; aiokafka takes it where it takes its own `BatchBuilder`.

    It is made by a `RecordAccumulator` alone. The bytes are made once, so that another attempt sends the same ones, with the same
    producer id, epoch and sequence number: what makes a repetition harmless. `largest_size` is the size of the largest record in bytes.
    """

    topic: str
    partition: int
    largest_size: int
    @property
    def largest_key(self) -> bytes | None:
        """The key of the largest record, its first 256 bytes; None for a null key."""

    def size(self) -> int:
        """Return the size in bytes, header included: before compression, until it is built."""

    def record_count(self) -> int:
        """Return the number of records."""

    def closed(self) -> bool:
        """Tell aiokafka that nothing more can be added."""

    def close(self) -> None:
        """Do nothing; a batch is full before aiokafka sees it."""

    def append(self, **_record: object) -> None:
        """Refuse aiokafka's own records, as a full batch does."""

    def compress(self) -> None:
        """Compress the records, once; from any thread, as long as no other method runs meanwhile."""

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None: ...
    def _build(self) -> bytes: ...

class RecordAccumulator:
    """Sorts records by partition into batches of limited size.

    A record with a key goes to the partition that Java's default partitioner gives it, (murmur2(key) & 0x7fffffff) % partitions; records
    without key go to one partition a `RecordBatch`, in turn. The order of the records is kept in each partition. A record larger than
    its topic's batches gets one of its own. `size` is what the batches that are not full hold, in bytes before compression.
    """

    size: int
    def __init__(self, codec: Codec, *, max_request_size: int) -> None: ...
    def use_topic(self, topic: str, partitions: int, batch_size: int) -> None:
        """Say how many partitions the topic has now, and how large its batches may become, in bytes.

        To be called before the first record of the topic, and again whenever that changes.
        """

    def append(self, batch: RecordBatch) -> list[PartitionBatch]:
        """Add the records in order, and return the batches that are full now, oldest first.

        Raises:
            RecordTooLarge: a record needs a batch of more than `max_request_size` bytes; the accumulator is then of no more use.
        """

    def flush(self) -> list[PartitionBatch]:
        """Return all batches that hold records, and start anew."""

def show_key(key: bytes | None) -> str:
    """Return a record key as text for an error message."""

def murmur2(data: bytes) -> int:
    """Return the hash of Java's `Utils.murmur2`, a signed number of 32 bits."""
