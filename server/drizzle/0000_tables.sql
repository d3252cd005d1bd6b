CREATE TABLE `artifact` (
	`digest` text PRIMARY KEY NOT NULL,
	`size_bytes` integer NOT NULL,
	`media_type` text NOT NULL,
	`created_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `artifact_holder` (
	`owner` text NOT NULL,
	`digest` text NOT NULL,
	`size_bytes` integer NOT NULL,
	`held_since_ms` integer NOT NULL,
	PRIMARY KEY(`owner`, `digest`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `artifact_holder_digest` ON `artifact_holder` (`digest`);--> statement-breakpoint
CREATE TABLE `artifact_ref` (
	`job` text NOT NULL,
	`digest` text NOT NULL,
	`owner` text NOT NULL,
	`made` integer NOT NULL,
	PRIMARY KEY(`job`, `digest`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `artifact_ref_digest` ON `artifact_ref` (`digest`,`owner`);--> statement-breakpoint
CREATE TABLE `attempt` (
	`job` text NOT NULL,
	`key` text NOT NULL,
	`epoch` integer NOT NULL,
	`attempt` integer NOT NULL,
	`seq` integer NOT NULL,
	`worker` text NOT NULL,
	`host` text,
	`state` text NOT NULL,
	`blame` text,
	`error` text,
	`exit_code` integer,
	`signal` text,
	`log` text,
	`usage` text,
	`assigned_at_ms` integer NOT NULL,
	`ended_at_ms` integer,
	PRIMARY KEY(`job`, `key`, `epoch`, `attempt`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `host` (
	`id` text PRIMARY KEY NOT NULL,
	`host_key` text NOT NULL,
	`key_hash` text NOT NULL,
	`owner` text,
	`kind` text NOT NULL,
	`network` text NOT NULL,
	`name` text NOT NULL,
	`invite` text,
	`joined_at_ms` integer NOT NULL,
	`revoked_at_ms` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `host_host_key_unique` ON `host` (`host_key`);--> statement-breakpoint
CREATE UNIQUE INDEX `host_key_hash_unique` ON `host` (`key_hash`);--> statement-breakpoint
CREATE TABLE `inline_blob` (
	`digest` text PRIMARY KEY NOT NULL,
	`size_bytes` integer NOT NULL,
	`base64` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `invite` (
	`id` text PRIMARY KEY NOT NULL,
	`code_hash` text NOT NULL,
	`kind` text NOT NULL,
	`owner` text,
	`scopes` text,
	`uses_left` integer,
	`joined` integer DEFAULT 0 NOT NULL,
	`created_at_ms` integer NOT NULL,
	`expires_at_ms` integer,
	`revoked_at_ms` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `invite_code_hash_unique` ON `invite` (`code_hash`);--> statement-breakpoint
CREATE TABLE `job` (
	`id` text PRIMARY KEY NOT NULL,
	`owner` text NOT NULL,
	`name` text NOT NULL,
	`spec` text NOT NULL,
	`types` text NOT NULL,
	`labels` text NOT NULL,
	`priority` integer NOT NULL,
	`idempotency_key` text,
	`payload_hash` text NOT NULL,
	`upstream` text,
	`submitted_at_ms` integer NOT NULL,
	`started_at_ms` integer,
	`ended_at_ms` integer,
	`canceled_at_ms` integer,
	`total` integer NOT NULL,
	`succeeded` integer DEFAULT 0 NOT NULL,
	`failed` integer DEFAULT 0 NOT NULL,
	`canceled` integer DEFAULT 0 NOT NULL,
	`repeated` integer DEFAULT 0 NOT NULL,
	`seq` integer DEFAULT 0 NOT NULL,
	`error` text,
	`plan_state` text,
	`plan_done` integer,
	`plan_seq` integer DEFAULT 0 NOT NULL,
	`plan_wake_at_ms` integer,
	`state` text GENERATED ALWAYS AS (case when ended_at_ms is null then case when started_at_ms is not null or succeeded + failed + canceled > 0 then 'running' else 'queued' end
          when canceled_at_ms is not null and canceled > 0 then 'canceled' when failed > 0 then 'failed' when canceled > 0 then 'canceled' else 'succeeded' end) VIRTUAL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `job_idempotency` ON `job` (`owner`,`idempotency_key`) WHERE idempotency_key is not null;--> statement-breakpoint
CREATE INDEX `job_open` ON `job` (`id`) WHERE ended_at_ms is null;--> statement-breakpoint
CREATE INDEX `job_ended` ON `job` (`ended_at_ms`) WHERE ended_at_ms is not null;--> statement-breakpoint
CREATE INDEX `job_owner` ON `job` (`owner`,`id`);--> statement-breakpoint
CREATE TABLE `manifest_part` (
	`manifest` text NOT NULL,
	`digest` text NOT NULL,
	PRIMARY KEY(`manifest`, `digest`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `manifest_part_digest` ON `manifest_part` (`digest`);--> statement-breakpoint
CREATE TABLE `piece` (
	`job` text NOT NULL,
	`idx` integer NOT NULL,
	`key` text NOT NULL,
	`spec` text NOT NULL,
	`entry` text,
	PRIMARY KEY(`job`, `idx`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `setting` (
	`name` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `shard` (
	`id` text PRIMARY KEY NOT NULL,
	`epoch` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `task` (
	`job` text NOT NULL,
	`idx` integer NOT NULL,
	`key` text NOT NULL,
	`seq` integer NOT NULL,
	`state` text NOT NULL,
	`attempts` integer NOT NULL,
	`value` text,
	`outputs` text,
	`error` text,
	`by_attempt` text,
	`ended_at_ms` integer NOT NULL,
	PRIMARY KEY(`job`, `idx`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `task_seq` ON `task` (`job`,`seq`);--> statement-breakpoint
CREATE TABLE `token` (
	`id` text PRIMARY KEY NOT NULL,
	`hash` text NOT NULL,
	`prefix` text NOT NULL,
	`name` text NOT NULL,
	`owner` text NOT NULL,
	`scopes` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`expires_at_ms` integer,
	`last_used_at_ms` integer,
	`revoked_at_ms` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `token_hash_unique` ON `token` (`hash`);--> statement-breakpoint
CREATE TABLE `worker` (
	`id` text PRIMARY KEY NOT NULL,
	`host` text NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`instance` text NOT NULL,
	`software` text NOT NULL,
	`owner` text,
	`network` text NOT NULL,
	`capabilities` text NOT NULL,
	`first_seen_at_ms` integer NOT NULL,
	`last_seen_at_ms` integer NOT NULL,
	`gone_at_ms` integer,
	`tasks_done` integer DEFAULT 0 NOT NULL,
	`attempts_lost` integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE INDEX `worker_seen` ON `worker` (`last_seen_at_ms`);