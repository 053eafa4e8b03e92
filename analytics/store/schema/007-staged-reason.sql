-- Why no typed row can be made of a staged record, '' when one can: found once, when the record is staged.
ALTER TABLE staged ADD COLUMN IF NOT EXISTS reason LowCardinality(String);
