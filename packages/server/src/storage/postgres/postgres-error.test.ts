import { expect, test } from 'vitest';
import { isConnectionFit, postgresOpeningFailure, postgresStoreError } from './postgres-error.ts';

function serverError(state: string): Error {
  return Object.assign(new Error('the server quotes a planted value'), { code: state, severity: 'ERROR' });
}

/** Classes and codes of PostgreSQL's documentation, appendix A. `away`: the connection is not used again. */
test.each([
  ['08000', 'unreachable', 'away', 'connection_exception'],
  ['08006', 'unreachable', 'away', 'connection_failure'],
  ['08P01', 'unreachable', 'away', 'protocol_violation'],
  ['0A000', 'fault', 'fit', 'feature_not_supported'],
  ['0L000', 'fault', 'fit', 'invalid_grantor'],
  ['21000', 'refused', 'fit', 'cardinality_violation'],
  ['22001', 'refused', 'fit', 'string_data_right_truncation'],
  ['22003', 'refused', 'fit', 'numeric_value_out_of_range'],
  ['22021', 'refused', 'fit', 'character_not_in_repertoire'],
  ['22P02', 'refused', 'fit', 'invalid_text_representation'],
  ['22P05', 'refused', 'fit', 'untranslatable_character'],
  ['23502', 'refused', 'fit', 'not_null_violation'],
  ['23505', 'refused', 'fit', 'unique_violation'],
  ['23514', 'fault', 'fit', 'check_violation: here a missing partition, which is made'],
  ['25006', 'unreachable', 'away', 'read_only_sql_transaction: a standby'],
  ['25P02', 'fault', 'fit', 'in_failed_sql_transaction'],
  ['25P03', 'unreachable', 'away', 'idle_in_transaction_session_timeout'],
  ['25P04', 'unreachable', 'away', 'transaction_timeout'],
  ['26000', 'fault', 'fit', 'invalid_sql_statement_name'],
  ['28000', 'unreachable', 'away', 'invalid_authorization_specification'],
  ['28P01', 'unreachable', 'away', 'invalid_password'],
  ['2D000', 'fault', 'fit', 'invalid_transaction_termination'],
  ['34000', 'fault', 'fit', 'invalid_cursor_name'],
  ['3D000', 'unreachable', 'away', 'invalid_catalog_name'],
  ['3F000', 'fault', 'fit', 'invalid_schema_name'],
  ['40001', 'busy', 'fit', 'serialization_failure'],
  ['40002', 'refused', 'fit', 'transaction_integrity_constraint_violation'],
  ['40003', 'busy', 'fit', 'statement_completion_unknown'],
  ['40P01', 'busy', 'fit', 'deadlock_detected'],
  ['42501', 'fault', 'fit', 'insufficient_privilege'],
  ['42P01', 'fault', 'fit', 'undefined_table'],
  ['44000', 'fault', 'fit', 'with_check_option_violation'],
  ['53100', 'full', 'fit', 'disk_full'],
  ['53200', 'full', 'fit', 'out_of_memory'],
  ['53300', 'unreachable', 'away', 'too_many_connections'],
  ['53400', 'full', 'fit', 'configuration_limit_exceeded'],
  ['54000', 'refused', 'fit', 'program_limit_exceeded: too long for an index'],
  ['54023', 'refused', 'fit', 'too_many_arguments'],
  ['55P03', 'busy', 'fit', 'lock_not_available'],
  ['55006', 'fault', 'fit', 'object_in_use'],
  ['57014', 'busy', 'fit', 'query_canceled'],
  ['57P01', 'unreachable', 'away', 'admin_shutdown'],
  ['57P03', 'unreachable', 'away', 'cannot_connect_now'],
  ['57P05', 'unreachable', 'away', 'idle_session_timeout'],
  ['58030', 'fault', 'fit', 'io_error'],
  ['F0000', 'fault', 'fit', 'config_file_error'],
  ['HV000', 'fault', 'fit', 'fdw_error'],
  ['P0001', 'fault', 'fit', 'raise_exception'],
  ['XX000', 'fault', 'fit', 'internal_error'],
  ['XX001', 'fault', 'fit', 'data_corrupted'],
])('%s of the server is %s (%s): %s', (state, code, connection) => {
  const error = postgresStoreError(serverError(state));
  expect(error).toMatchObject({ name: 'StoreError', code });
  expect(error.message).toContain(state);
  expect(error.message).not.toContain('planted');
  expect(isConnectionFit(serverError(state))).toBe(connection === 'fit');
});

test('a database that cannot be opened is named once, with the setting that names it', () => {
  const reset = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), {
    code: 'ECONNREFUSED',
    syscall: 'connect',
  });
  const setting = 'its URL is storage.database_url, or TAILRACE_DATABASE_URL';
  const message = (error: Error) => postgresOpeningFailure(error, 'PostgreSQL db:1/usage').message;
  expect(message(reset)).toBe(
    `PostgreSQL db:1/usage cannot be reached: connect ECONNREFUSED 127.0.0.1:1; ${setting}`,
  );
  expect(message(serverError('28P01'))).toContain(setting);
  expect(message(serverError('3D000'))).toContain(setting);
  expect(message(serverError('53100'))).toBe('PostgreSQL db:1/usage has no space left (53100)');
});

test('an error without a code of the server is of the connection, and a bug stays what it is', () => {
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
  const several = new AggregateError([new Error('connect ECONNREFUSED ::1:5432')]);
  for (const error of [reset, several, new Error('Query read timeout')]) {
    expect(postgresStoreError(error)).toMatchObject({ name: 'StoreError', code: 'unreachable' });
    expect(isConnectionFit(error)).toBe(false);
  }
  expect(postgresStoreError(several).message).toContain('ECONNREFUSED');
  const bug = new TypeError('x is not a function');
  expect(postgresStoreError(bug)).toBe(bug);
});
