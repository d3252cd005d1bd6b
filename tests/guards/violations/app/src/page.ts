import { row } from '../../server/src/store/row.ts';
export const page = row;
