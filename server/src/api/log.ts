// The log for operators: JSON lines on stderr, level by UDCS_LOG. Secrets are cut out of the finished line, whatever field or
// message they came in by.
import { type Logger, pino } from 'pino';
import { SECRET_PATTERN } from './auth/secrets.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const isLogLevel = (text: string): text is LogLevel => (LOG_LEVELS as readonly string[]).includes(text);

const redact = (text: string): string =>
  text.replace(SECRET_PATTERN, 'udcs_$1_[redacted]').replace(/(authorization"?\s*[:=]\s*"?bearer )[^"\s,}]+/gi, '$1[redacted]');

/** @param write where lines go */
export const createLog = (level: LogLevel, write: (line: string) => void): Logger =>
  pino(
    {
      level,
      base: null,
      redact: { paths: ['token', 'secret', 'key', 'code', 'password', '*.token', '*.secret', '*.key', '*.authorization'], censor: '[redacted]' },
    },
    { write: (line: string) => write(redact(line)) },
  );
