-- One of two Neovims that share a clangd. shared_clangd.py starts it with SERVER (the command, a word a line), NAME
-- and RESULTS, to which it writes a line for each thing that is as it should be, or the first one that isn't.

local name = assert(os.getenv('NAME'))
local results = assert(io.open(assert(os.getenv('RESULTS')), 'a'))
results:setvbuf('line')
local patience = 30000 -- milliseconds

local function wait_for(what, condition)
  assert(vim.wait(patience, condition, 20), 'waited in vain for ' .. what)
end

local published = {}
local function run()
  local path = vim.fn.getcwd() .. '/' .. name .. '.cpp'
  local uri = vim.uri_from_fname(path)
  local id = assert(vim.lsp.start_client({
    name = 'clangd',
    cmd = vim.split(assert(os.getenv('SERVER')), '\n'),
    root_dir = vim.fn.getcwd(),
    handlers = {
      ['textDocument/publishDiagnostics'] = function(err, result, ...)
        -- When nobody has a file open any more, all are told that nothing is wrong with it.
        if #result.diagnostics > 0 then published[result.uri] = true end
        vim.lsp.diagnostic.on_publish_diagnostics(err, result, ...)
      end,
    },
  }))
  vim.cmd('edit ' .. path)
  local buffer = vim.api.nvim_get_current_buf()
  assert(vim.lsp.buf_attach_client(buffer, id), 'attaching failed')
  local client
  wait_for('initialize', function()
    client = vim.lsp.get_client_by_id(id)
    return client and client.initialized
  end)

  local function mistakes()
    return vim.tbl_map(function(d) return d.message end, vim.diagnostic.get(buffer))
  end
  wait_for('its diagnostics', function() return #mistakes() > 0 end)
  assert(mistakes()[1]:find('mistake_of_' .. name, 1, true), 'not its own: ' .. vim.inspect(mistakes()))
  results:write('diagnostics\n')

  local function ask(method, params)
    local answer = assert(client.request_sync(method, params, patience, buffer))
    assert(not answer.err, vim.inspect(answer.err))
    return vim.inspect(answer.result)
  end
  local document = { uri = uri }
  local function symbols_and_hover()
    local symbols = ask('textDocument/documentSymbol', { textDocument = document })
    assert(symbols:find('function_of_' .. name, 1, true), symbols)
    local hover = ask('textDocument/hover', { textDocument = document, position = { line = 0, character = 6 } })
    assert(hover:find('function_of_' .. name, 1, true), hover)
  end
  for _ = 1, 20 do symbols_and_hover() end
  results:write('answers\n')

  -- An edit of its own brings diagnostics of its own.
  vim.api.nvim_buf_set_lines(buffer, 1, 2, true, { 'int two = later_mistake_of_' .. name .. ';' })
  wait_for('diagnostics of the edit', function()
    return #mistakes() > 0 and mistakes()[1]:find('later_mistake_of_' .. name, 1, true) ~= nil
  end)
  results:write('edits\n')

  wait_for('the end of the other', function() return vim.fn.filereadable('end-' .. name) == 1 end)
  symbols_and_hover()
  for other in pairs(published) do assert(other == uri, 'diagnostics of ' .. other) end
  results:write('done\n')
end

local fine, why = xpcall(run, debug.traceback)
if not fine then results:write('FAIL ' .. why:gsub('\n', ' '), '\n') end
vim.cmd('qall!')
