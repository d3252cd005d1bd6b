import { row } from '../../server/src/store/row.ts';
export const contract = row;
