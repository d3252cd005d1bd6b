// What is kept of workers after they left. Row of see: [id, host, kind, name, instance, software, owner, network, capabilities, atMs]
export const seeWorkers = `
insert into worker (id, host, kind, name, instance, software, owner, network, capabilities, first_seen_at_ms, last_seen_at_ms)
select f.value->>0, f.value->>1, f.value->>2, f.value->>3, f.value->>4, f.value->>5, f.value->>6, f.value->>7, f.value->8, f.value->>9, f.value->>9
from json_each(?) f where true
on conflict (id) do update set host = excluded.host, kind = excluded.kind, name = excluded.name, instance = excluded.instance, software = excluded.software,
  owner = excluded.owner, network = excluded.network, capabilities = excluded.capabilities, last_seen_at_ms = excluded.last_seen_at_ms, gone_at_ms = null`;

/** Row: [id, atMs, tasksDone, attemptsLost] */
export const loseWorkers = `
update worker set gone_at_ms = f.value->>1, last_seen_at_ms = f.value->>1, tasks_done = f.value->>2, attempts_lost = f.value->>3
from json_each(?) f where worker.id = f.value->>0`;
