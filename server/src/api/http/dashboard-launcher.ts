// Entry of the dashboard process: `next start` that ends when its parent's pipe closes, so that a killed coordinator leaves no
// page server behind. Arguments: path of Next's command, folder of the app, port.
import { pathToFileURL } from 'node:url';

const [, , next, folder, port] = process.argv as [string, string, string, string, string];
process.stdin.resume();
process.stdin.on('close', () => process.exit(0));
process.argv = [process.argv[0] as string, next, 'start', folder, '--hostname', '127.0.0.1', '--port', port];
await import(pathToFileURL(next).href);
