-- What was wished for before the pass under way began: that pass answers it. full_requested is what came after.
ALTER TABLE syncs ADD COLUMN full_begun bigint NOT NULL DEFAULT 0;
