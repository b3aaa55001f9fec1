-- Neovim's own LSP client, attached to antiphon-json-language-server. run_neovim.py starts it and reads what it
-- writes to $RESULTS: a line `ok NAME` or `FAIL NAME: why` for each case.

local server = assert(os.getenv('SERVER'))
local results = assert(io.open(assert(os.getenv('RESULTS')), 'a'))
results:setvbuf('line')

local patience = 10000 -- milliseconds, for what happens at once unless it never does

local function case(name, body)
  local fine, why = xpcall(body, debug.traceback)
  results:write(fine and ('ok ' .. name) or ('FAIL ' .. name .. ': ' .. why:gsub('\n', '\\n')), '\n')
end

local function wait_for(what, condition)
  assert(vim.wait(patience, condition, 10), 'waited in vain for ' .. what)
end

local function expect_equal(actual, expected)
  assert(vim.deep_equal(actual, expected),
    'expected ' .. vim.inspect(expected) .. ', got ' .. vim.inspect(actual))
end

-- A JSON buffer with a file name of its own, attached to the client.
local function open(client_id, name, lines)
  local buffer = vim.api.nvim_create_buf(true, false)
  vim.api.nvim_buf_set_name(buffer, vim.fn.getcwd() .. '/' .. name)
  vim.api.nvim_buf_set_option(buffer, 'filetype', 'json')
  vim.api.nvim_buf_set_lines(buffer, 0, -1, true, lines)
  vim.api.nvim_set_current_buf(buffer)
  assert(vim.lsp.buf_attach_client(buffer, client_id), 'attaching failed')
  return buffer
end

local function lines_of(buffer)
  return vim.api.nvim_buf_get_lines(buffer, 0, -1, true)
end

-- What there is to say about a diagnostic; Neovim counts its columns in bytes.
local function shown(buffer)
  local list = vim.diagnostic.get(buffer)
  table.sort(list, function(a, b) return a.lnum < b.lnum or (a.lnum == b.lnum and a.col < b.col) end)
  return vim.tbl_map(function(d)
    return { d.lnum, d.col, d.end_lnum, d.end_col, d.severity, d.source, d.message }
  end, list)
end

local function wait_for_diagnostics(buffer, expected)
  vim.wait(patience, function() return vim.deep_equal(shown(buffer), expected) end, 10)
  expect_equal(shown(buffer), expected)
end

local function format()
  if vim.lsp.buf.format then
    vim.lsp.buf.format({ timeout_ms = patience })
  else
    vim.lsp.buf.formatting_sync(nil, patience)
  end
end

local function request(client, buffer, method, params)
  local answer, why = client.request_sync(method, params, patience, buffer)
  assert(answer, why)
  return answer
end

-- The text of the floating window that vim.lsp.buf.hover() opens over a byte of a line (both from 0).
local function hover_text(line, byte)
  vim.api.nvim_win_set_cursor(0, { line + 1, byte })
  vim.lsp.buf.hover()
  local function float()
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(window).relative ~= '' then return window end
    end
  end
  wait_for('the hover window', float)
  local text = table.concat(lines_of(vim.api.nvim_win_get_buf(float())), '\n')
  vim.api.nvim_win_close(float(), true)
  return text
end

local published = {} -- by URI, the newest publishDiagnostics
local exits = {}
local errors = {}

local function start()
  return assert(vim.lsp.start_client({
    name = 'antiphon-json',
    cmd = { server, '--stdio' },
    root_dir = vim.fn.getcwd(),
    flags = { debounce_text_changes = 20 },
    handlers = {
      ['textDocument/publishDiagnostics'] = function(err, result, ...)
        published[result.uri] = result
        vim.lsp.diagnostic.on_publish_diagnostics(err, result, ...)
      end,
    },
    on_error = function(code, err) table.insert(errors, { code, err }) end,
    on_exit = function(code, signal) table.insert(exits, { code, signal }) end,
  }))
end

if os.getenv('ONLY_ATTACH') then
  local id = start()
  open(id, 'kept.json', { '{' })
  wait_for('diagnostics', function() return next(published) ~= nil end)
  results:write('pid ', vim.lsp.get_client_by_id(id).rpc.pid, '\n')
  vim.wait(600000, function() return false end)
end

local id = start()
local broken = { '{', '  "😀": "𝄞",', '  "𝄞": 1 "b": [1, 2,],', '  "c": "x\\q"', '}' }
local buffer = open(id, 'broken.json', broken)
local client

case('the client initializes and sees what the server can do', function()
  wait_for('initialize', function()
    client = vim.lsp.get_client_by_id(id)
    return client and client.initialized
  end)
  local can = client.server_capabilities
  assert(can.hoverProvider and can.documentFormattingProvider and can.documentSymbolProvider, vim.inspect(can))
  expect_equal(can.positionEncoding, 'utf-16')
  expect_equal(client.offset_encoding, 'utf-16')
end)

case('diagnostics arrive with range, severity, source and reason', function()
  local error = vim.diagnostic.severity.ERROR
  wait_for_diagnostics(buffer, {
    { 2, 12, 2, 15, error, 'json', "expected ',' or '}' after a member" },
    { 2, 22, 2, 23, error, 'json', 'trailing comma' },
    { 3, 9, 3, 11, error, 'json', [[invalid escape: only \" \\ \/ \b \f \n \r \t and \uXXXX are]] },
  })
  expect_equal(published[vim.uri_from_bufnr(buffer)].version, vim.lsp.util.buf_versions[buffer])
end)

case('a broken document has an outline', function()
  local symbols = request(client, buffer, 'textDocument/documentSymbol',
    { textDocument = vim.lsp.util.make_text_document_params(buffer) }).result
  expect_equal(vim.tbl_map(function(symbol) return symbol.name end, symbols), { '😀', '𝄞', 'b', 'c' })
end)

case('a broken document is left alone by formatting', function()
  format()
  expect_equal(lines_of(buffer), broken)
end)

case('fixing the document clears its diagnostics', function()
  vim.api.nvim_buf_set_text(buffer, 2, 11, 2, 11, { ',' })
  vim.api.nvim_buf_set_text(buffer, 2, 23, 2, 24, { '' })
  vim.api.nvim_buf_set_text(buffer, 3, 10, 3, 11, { 'n' })
  expect_equal(lines_of(buffer), { '{', '  "😀": "𝄞",', '  "𝄞": 1, "b": [1, 2],', '  "c": "x\\n"', '}' })
  wait_for_diagnostics(buffer, {})
end)

case('formatting lays the buffer out', function()
  format()
  expect_equal(lines_of(buffer), {
    '{', '\t"😀": "𝄞",', '\t"𝄞": 1,', '\t"b": [', '\t\t1,', '\t\t2', '\t],', '\t"c": "x\\n"', '}',
  })
end)

case('formatting follows the indentation of the buffer', function()
  vim.bo[buffer].expandtab = true
  vim.bo[buffer].shiftwidth = 3
  format()
  expect_equal(lines_of(buffer), {
    '{', '   "😀": "𝄞",', '   "𝄞": 1,', '   "b": [', '      1,', '      2', '   ],', '   "c": "x\\n"', '}',
  })
end)

case('formatting what is in order changes nothing', function()
  local tick = vim.api.nvim_buf_get_changedtick(buffer)
  format()
  expect_equal(vim.api.nvim_buf_get_changedtick(buffer), tick)
end)

case('hover shows the pointer, the type and the value', function()
  local element = hover_text(5, 6)
  assert(element:find('/b/1', 1, true) and element:find('number', 1, true) and element:find('2', 1, true), element)
  local astral = hover_text(1, 11)
  assert(astral:find('/😀', 1, true) and astral:find('string', 1, true) and astral:find('"𝄞"', 1, true), astral)
end)

case('the outline leads to the right lines', function()
  local symbols = request(client, buffer, 'textDocument/documentSymbol',
    { textDocument = vim.lsp.util.make_text_document_params(buffer) }).result
  local items = vim.lsp.util.symbols_to_items(symbols, buffer)
  expect_equal(vim.tbl_map(function(item) return { item.lnum, item.kind } end, items), {
    { 2, 'String' }, { 3, 'Number' }, { 4, 'Array' }, { 5, 'Number' }, { 6, 'Number' }, { 8, 'String' },
  })
end)

case('an unknown method is an error and the connection stays', function()
  local answer = request(client, buffer, 'textDocument/definition', vim.lsp.util.make_position_params())
  expect_equal(answer.err and answer.err.code, -32601)
end)

local second
case('a second document has diagnostics of its own', function()
  second = open(id, 'second.json', { '{"a": 1,', ' "a": 01}' })
  local severity = vim.diagnostic.severity
  wait_for_diagnostics(second, {
    { 1, 1, 1, 4, severity.WARN, 'json', 'duplicate member name "a"' },
    { 1, 6, 1, 8, severity.ERROR, 'json', 'number has a leading zero' },
  })
  expect_equal(shown(buffer), {})
end)

case('closing a document clears its diagnostics', function()
  local uri = vim.uri_from_bufnr(second)
  assert(#published[uri].diagnostics == 2)
  vim.api.nvim_buf_delete(second, { force = true })
  wait_for('empty diagnostics', function() return #published[uri].diagnostics == 0 end)
end)

case('stopping the client ends the server with code 0 and leaves no zombie', function()
  local pid = client.rpc.pid
  assert(vim.loop.fs_stat('/proc/' .. pid), 'no server to begin with')
  client.stop()
  wait_for('the exit', function() return #exits > 0 end)
  expect_equal(exits, { { 0, 0 } })
  wait_for('the process to be gone', function() return not vim.loop.fs_stat('/proc/' .. pid) end)
end)

case('the client met no protocol error', function() expect_equal(errors, {}) end)

results:write('done\n')
results:close()
vim.cmd('qall!')
