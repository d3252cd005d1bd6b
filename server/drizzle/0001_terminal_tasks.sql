-- A task that has ended stays as it is, whoever writes: the guards in the statements filter, this one is the wall behind them.
CREATE TRIGGER task_terminal BEFORE UPDATE OF state ON task
WHEN old.state IN ('succeeded', 'failed', 'canceled') AND new.state IS NOT old.state
BEGIN
  SELECT RAISE(ABORT, 'a task that has ended can not change its state');
END;
--> statement-breakpoint
CREATE TRIGGER job_terminal BEFORE UPDATE OF ended_at_ms ON job
WHEN old.ended_at_ms IS NOT NULL AND new.ended_at_ms IS NOT old.ended_at_ms
BEGIN
  SELECT RAISE(ABORT, 'a job that has ended can not end again');
END;
