// SPDX-License-Identifier: Apache-2.0
// One line in, one line out: <writer> TAB <reader> TAB <hex>. Java Avro reads the body, resolved to the
// reader's schema, and writes it with that: hex, or "!" and why not.
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.avro.Schema;
import org.apache.avro.generic.*;
import org.apache.avro.io.*;

public class Judge {
    static String once(String[] f) {
        try {
            Schema w = new Schema.Parser().parse(f[0]), r = new Schema.Parser().parse(f[1]);
            byte[] body = HexFormat.of().parseHex(f.length > 2 ? f[2] : "");
            Decoder in = DecoderFactory.get().binaryDecoder(body, null);
            Object value = new GenericDatumReader<Object>(w, r).read(null, in);
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            BinaryEncoder out = EncoderFactory.get().binaryEncoder(bytes, null);
            new GenericDatumWriter<Object>(r).write(value, out);
            out.flush();
            return HexFormat.of().formatHex(bytes.toByteArray());
        } catch (Exception | StackOverflowError e) {
            return "!" + String.valueOf(e).replaceAll("\\s+", " ");
        }
    }

    public static void main(String[] args) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(new BufferedOutputStream(System.out), false, StandardCharsets.UTF_8);
        for (String line; (line = in.readLine()) != null;)
            out.println(once(line.split("\t", -1)));
        out.flush();
    }
}
