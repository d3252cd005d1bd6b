// Which job needs which bytes. A reference pins them; the right to read comes from holding them, so a digest somebody merely names
// is recorded only when the owner holds it or its bytes came along.

/** Row: [job, digest, came along (1) or not (0), made by a task (1) or named (0)] */
export const referArtifacts = `
insert into artifact_ref (job, digest, owner, made)
select j.id, f.value->>1, j.owner, f.value->>3 from json_each(?) f cross join job j on j.id = f.value->>0
where (f.value->>2 = 1
  or exists (select 1 from artifact_holder h where h.owner = j.owner and h.digest = f.value->>1)
  or exists (select 1 from artifact_ref r where r.digest = f.value->>1 and r.owner = j.owner))
on conflict (job, digest) do update set made = 0 where excluded.made = 0 and artifact_ref.made = 1`;

/** Row: [digest, sizeBytes, base64] */
export const keepInline = `insert into inline_blob (digest, size_bytes, base64) select f.value->>0, f.value->>1, f.value->>2 from json_each(?) f where true on conflict do nothing`;
