-- Batches on their way in are held in memory, each in a table of its own (analytics/decode/staged.ts). What is told of them here
-- is which records they hold: typed rows of these are no strangers to whoever compares rows with records meanwhile.
-- What a killed loader left behind is dropped when the store is next opened by its owner.
DROP TABLE IF EXISTS staged;
CREATE TABLE staged
(
    batch       String,
    digest      FixedString(32),
    received_at DateTime64(6, 'UTC')
)
ENGINE = MergeTree
PARTITION BY batch
ORDER BY tuple();
