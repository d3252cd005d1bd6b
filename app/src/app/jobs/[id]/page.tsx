'use client';
import { jobIdSchema } from '@udcs/protocol';
import { useParams } from 'next/navigation';
import { JobScreen } from '../../../features/jobs/job-screen.tsx';
import { Failure } from '../../../ui/panel.tsx';
import { Shell } from '../../../ui/shell.tsx';

export default function JobPage() {
  const { id } = useParams<{ id: string }>();
  const parsed = jobIdSchema.safeParse(id);
  if (parsed.success) return <JobScreen id={parsed.data} />;
  return (
    <Shell title="Job">
      <Failure message={`"${id}" is not a job id`} hint="it looks like job_ and 26 letters and digits; the page Jobs lists them" />
    </Shell>
  );
}
